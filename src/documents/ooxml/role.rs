//! What a part is for: told by its content type, and where that says nothing by the relationship that names it.

/// The three kinds of documents.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Family {
    /// WordprocessingML.
    Word,
    /// SpreadsheetML.
    Spreadsheet,
    /// PresentationML.
    Presentation,
}

/// How a part is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Role {
    /// The part that the document begins with.
    Main(Family),
    /// Paragraphs and drawings: what it is, in words.
    Markup(&'static str),
    /// One slide.
    Slide,
    /// One sheet of a workbook.
    Worksheet,
    /// The strings of a workbook's cells.
    SharedStrings,
    /// A workbook's styles, of which the number formats matter.
    CellStyles,
    /// Comments on cells, threaded ones too.
    CellComments,
    /// Properties of the document.
    Properties,
    /// Sensitivity labels ([MS-OFFCRYPTO] 2.6).
    Labels,
    /// XML of which known attributes and all text are read: what it is, in words; empty: its name says it.
    Known(&'static str),
    /// XML of which all attributes and all text are read.
    Custom(&'static str),
    /// A file of its own: what it is, in words.
    File(&'static str),
    /// Known to hold no text that anybody wrote.
    Textless,
    /// Relationships.
    Relationships,
}

impl Role {
    /// Tells it. `content_type` and `relationship` (its type's last word) in lower case, both may be empty.
    pub(super) fn of(content_type: &str, relationship: &str, family: Option<Family>) -> Self {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        if let Some(main) = kind.strip_suffix(".main+xml") {
            return Self::Main(family_of(main).or(family).unwrap_or(Family::Word));
        }
        let family = family_of(kind).or(family);
        let is_xml = kind.ends_with("+xml") || kind.ends_with("/xml");
        let word = kind.strip_suffix("+xml").unwrap_or(kind);
        let word = word.rsplit(['.', '/']).next().unwrap_or_default();
        if let Some(role) = by_word(word, is_xml, family).or_else(|| by_word(relationship, is_xml, family)) {
            return role;
        }
        match kind.split('/').next().unwrap_or_default() {
            "image" => Self::File("picture"),
            "audio" | "video" => Self::File("media"),
            _ if is_xml => Self::Known(""),
            _ => Self::File("part"),
        }
    }
}

/// The kind of document that a content type belongs to.
fn family_of(content_type: &str) -> Option<Family> {
    [
        ("wordprocessingml", Family::Word),
        ("ms-word", Family::Word),
        ("spreadsheetml", Family::Spreadsheet),
        ("ms-excel", Family::Spreadsheet),
        ("presentationml", Family::Presentation),
        ("ms-powerpoint", Family::Presentation),
    ]
    .into_iter()
    .find_map(|(word, family)| content_type.contains(word).then_some(family))
}

/// The last word of a content type or of a relationship's type; the two are mostly the same.
fn by_word(word: &str, is_xml: bool, family: Option<Family>) -> Option<Role> {
    let spreadsheet = family == Some(Family::Spreadsheet);
    Some(match word {
        "officedocument" => Role::Main(family?),
        "header" => Role::Markup("header"),
        "footer" => Role::Markup("footer"),
        "footnotes" => Role::Markup("footnotes"),
        "endnotes" => Role::Markup("endnotes"),
        "comments" | "threadedcomments" | "threadedcomment" if spreadsheet => Role::CellComments,
        "comments" => Role::Markup("comments"),
        "glossary" | "glossarydocument" => Role::Markup("building blocks"),
        "numbering" => Role::Markup("numbering"),
        "settings" => Role::Markup("settings"),
        "slide" => Role::Slide,
        "notesslide" => Role::Markup("notes"),
        "slidelayout" => Role::Markup("layout"),
        "slidemaster" => Role::Markup("master"),
        "notesmaster" => Role::Markup("notes master"),
        "handoutmaster" => Role::Markup("handout master"),
        "drawing" | "chartshapes" | "chartusershapes" | "vmldrawing" => Role::Markup("drawing"),
        "chart" | "chartex" => Role::Markup("chart"),
        "diagramdata" | "diagramdrawing" => Role::Markup("diagram"),
        "worksheet" | "chartsheet" | "dialogsheet" | "macrosheet" | "intlmacrosheet" | "xlmacrosheet"
        | "xlintlmacrosheet" => Role::Worksheet,
        "sharedstrings" => Role::SharedStrings,
        "styles" if spreadsheet => Role::CellStyles,
        "core-properties" | "extended-properties" | "custom-properties" => Role::Properties,
        "classificationlabels" => Role::Labels,
        "people" | "person" | "commentauthors" | "authors" => Role::Known("people"),
        "table" => Role::Known("table"),
        "querytable" => Role::Known("query"),
        "connections" => Role::Known("connections"),
        "pivottable" | "pivotcachedefinition" | "pivotcacherecords" => Role::Known("pivot table"),
        "externallink" => Role::Known("external link"),
        "tags" => Role::Known("tags"),
        "digital-signature-xmlsignature" | "xmlsignature" => Role::Known("signature"),
        "customxml" if is_xml => Role::Custom("custom XML"),
        "activex" | "control" if is_xml => Role::Custom("control"),
        "activex" | "control" | "activexcontrolbinary" => Role::File("control"),
        "vbaproject" => Role::File("macros"),
        "oleobject" | "package" => Role::File("embedded file"),
        "afchunk" => Role::File("part"),
        "image" | "hdphoto" | "thumbnail" => Role::File("picture"),
        "audio" | "video" | "media" => Role::File("media"),
        "relationships" => Role::Relationships,
        "theme"
        | "themeoverride"
        | "styles"
        | "styleswitheffects"
        | "fonttable"
        | "websettings"
        | "tablestyles"
        | "presprops"
        | "viewprops"
        | "calcchain"
        | "volatiledependencies"
        | "commentsextended"
        | "commentsids"
        | "commentsextensible"
        | "customxmlproperties"
        | "customxmlprops"
        | "diagramlayout"
        | "diagramstyle"
        | "diagramquickstyle"
        | "diagramcolors"
        | "chartstyle"
        | "chartcolorstyle"
        | "printersettings"
        | "obfuscatedfont"
        | "x-fontdata"
        | "font"
        | "x-font-ttf"
        | "sheetmetadata"
        | "vbadata"
        | "wordvbadata" => Role::Textless,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_told_by_content_type_then_by_relationship() {
        let openxml = "application/vnd.openxmlformats-officedocument.";
        for (content_type, relationship, family, role) in [
            (&*format!("{openxml}wordprocessingml.document.main+xml"), "", None, Role::Main(Family::Word)),
            ("application/vnd.ms-excel.sheet.macroenabled.main+xml", "", None, Role::Main(Family::Spreadsheet)),
            (&format!("{openxml}presentationml.slideshow.main+xml"), "", None, Role::Main(Family::Presentation)),
            (&format!("{openxml}wordprocessingml.comments+xml"), "", None, Role::Markup("comments")),
            (&format!("{openxml}spreadsheetml.comments+xml"), "", None, Role::CellComments),
            (&format!("{openxml}wordprocessingml.styles+xml"), "", None, Role::Textless),
            (&format!("{openxml}spreadsheetml.styles+xml"), "", None, Role::CellStyles),
            ("application/xml", "header", Some(Family::Word), Role::Markup("header")),
            ("application/xml", "customxml", Some(Family::Word), Role::Custom("custom XML")),
            ("application/xml", "", None, Role::Known("")),
            ("image/png", "", None, Role::File("picture")),
            ("application/vnd.ms-office.vbaproject", "", None, Role::File("macros")),
            ("application/vnd.ms-office.activex+xml", "", None, Role::Custom("control")),
            ("application/vnd.ms-office.activex", "", None, Role::File("control")),
            ("", "", None, Role::File("part")),
            ("text/html", "afchunk", Some(Family::Word), Role::File("part")),
        ] {
            assert_eq!(Role::of(content_type, relationship, family), role, "{content_type} {relationship}");
        }
    }
}
