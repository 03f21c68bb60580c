//! Where the text of a group goes, by the control word that begins it (Rich Text Format specification 1.9.1).

use super::super::sinks::Sink;

/// Where text goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Destination {
    /// Text that people write, under this name in the map.
    Text(Sink, &'static str),
    /// Nothing in it is text, whatever it holds.
    Nowhere,
    /// It holds no text itself, but other destinations.
    Around,
    /// The table of fonts.
    Fonts,
    /// A document property of this name.
    Property(&'static str),
    /// Name and value of a property that people named.
    PropertyName,
    PropertyValue,
    /// Name and value of a shape's property.
    ShapeName,
    ShapeValue,
    /// Hexadecimal digits.
    Picture,
    Object,
    /// HTML as it is ([MS-OXRTFEX]).
    HtmlTag,
    /// A destination that is not known and may be ignored by those who do not know it.
    Unknown,
}

/// What the body's text is in.
pub(super) const BODY: Destination = Destination::Text(Sink::Body, "");

/// Text with `\deleted`, and with `\v`.
pub(super) const DELETED: Destination = Destination::Text(Sink::Change, "tracked changes");
pub(super) const HIDDEN: Destination = Destination::Text(Sink::Hidden, "hidden text");

/// The destination that a control word begins. `None`: the word begins none, or one whose text stands where it is.
pub(super) fn destination(word: &[u8]) -> Option<Destination> {
    use Destination::{Around, Fonts, HtmlTag, Nowhere, Object, Picture, Property, PropertyName, PropertyValue};
    Some(match word {
        b"fonttbl" => Fonts,
        b"colortbl"
        | b"stylesheet"
        | b"listtable"
        | b"listoverridetable"
        | b"rsidtbl"
        | b"generator"
        | b"themedata"
        | b"colorschememapping"
        | b"latentstyles"
        | b"datastore"
        | b"xmlnstbl"
        | b"filetbl"
        | b"pgptbl"
        | b"mmathPr"
        | b"pnseclvl"
        | b"pn"
        | b"panose"
        | b"falt"
        | b"fontemb"
        | b"fontfile"
        | b"wgrffmtfilter"
        | b"xmlopen"
        | b"datafield"
        | b"blipuid"
        | b"blipuidhex"
        | b"passwordhash"
        | b"bkmkstart"
        | b"bkmkend"
        | b"nonshppict"
        | b"shprslt"
        | b"ftnsep"
        | b"ftnsepc"
        | b"aftnsep"
        | b"aftnsepc"
        | b"defchp"
        | b"defpap"
        | b"listpicture"
        | b"objclass"
        | b"objsect"
        | b"objtime"
        | b"atndate"
        | b"atnref"
        | b"atnparent"
        | b"atntime"
        | b"atrfstart"
        | b"atrfend"
        | b"ffname"
        | b"nonesttables"
        | b"mhtmltag"
        | b"pgdsctbl"
        | b"pgdscnxt"
        | b"pgdsc"
        | b"expandedcolortbl"
        | b"levelnumbers"
        | b"leveltext" => Nowhere,
        b"info" | b"userprops" | b"shpinst" | b"do" | b"formfield" | b"background" | b"picprop" | b"sp" | b"shp"
        | b"shpgrp" => Around,
        b"pict" => Picture,
        b"objdata" => Object,
        b"title" => Property("title"),
        b"subject" => Property("subject"),
        b"author" => Property("author"),
        b"manager" => Property("manager"),
        b"company" => Property("company"),
        b"operator" => Property("operator"),
        b"category" => Property("category"),
        b"keywords" => Property("keywords"),
        b"comment" | b"doccomm" => Property("comment"),
        b"hlinkbase" => Property("hlinkbase"),
        b"propname" => PropertyName,
        b"staticval" | b"linkval" => PropertyValue,
        b"sn" => Destination::ShapeName,
        b"sv" => Destination::ShapeValue,
        b"htmltag" => HtmlTag,
        b"header" | b"headerl" | b"headerr" | b"headerf" => Destination::Text(Sink::Furniture, "header"),
        b"footer" | b"footerl" | b"footerr" | b"footerf" => Destination::Text(Sink::Furniture, "footer"),
        b"footnote" => Destination::Text(Sink::Note, "footnote"),
        b"annotation" | b"atnid" | b"atnauthor" => Destination::Text(Sink::Comment, "comment"),
        b"fldinst" => Destination::Text(Sink::Field, "field"),
        b"xe" | b"tc" | b"tcn" | b"txe" | b"rxe" => Destination::Text(Sink::Field, "index entry"),
        b"docvar" => Destination::Text(Sink::Field, "document variable"),
        b"revtbl" | b"protusertbl" => Destination::Text(Sink::Property, "properties"),
        b"ffdeftext" | b"ffhelptext" | b"ffstattext" | b"ffl" | b"ffformat" | b"ffentrymcr" | b"ffexitmcr" => {
            Destination::Text(Sink::Control, "form control")
        }
        b"shptxt" | b"dptxbxtext" => Destination::Text(Sink::Frame, "text box"),
        b"objname" | b"objalias" => Destination::Text(Sink::Name, "name of an object"),
        _ => return None,
    })
}

/// Whether a word that begins no destination of its own is known although `\*` stands before it: its text stands where
/// it is.
pub(super) fn is_transparent(word: &[u8]) -> bool {
    matches!(
        word,
        b"shppict"
            | b"ud"
            | b"nesttableprops"
            | b"moMath"
            | b"moMathPara"
            | b"mmath"
            | b"cs"
            | b"ds"
            | b"ts"
            | b"fldrslt"
    )
}

/// The character that a control word stands for.
pub(super) fn character(word: &[u8]) -> Option<&'static str> {
    Some(match word {
        b"tab" => "\t",
        b"lquote" => "‘",
        b"rquote" => "’",
        b"ldblquote" => "“",
        b"rdblquote" => "”",
        b"bullet" => "•",
        b"emdash" | b"endash" => "-",
        b"emspace" | b"enspace" | b"qmspace" => " ",
        _ => return None,
    })
}
