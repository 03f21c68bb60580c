//! The milter: Postfix's protocol on one side, session and judge on the other. Only glue stands here.

use super::{
    content::Budget,
    judge::{Answer, Judge, TAG, temporary},
    route::{AtOnce, RecipientMacros},
    session::{Client, Message, Recipient},
};
use crate::envelope::QueueId;
use futures_util::FutureExt;
use indymilter::{
    Actions, Callbacks, Config, Context, ContextActions, EomContext, Listener, MacroStage, Macros, NegotiateContext,
    ProtoOpts, SetErrorReply, SmtpReply, SocketInfo, Status,
};
use std::{
    ffi::{CStr, CString},
    future::Future,
    io,
    panic::AssertUnwindSafe,
    sync::Arc,
};

/// Connections from Postfix open at once. Each smtpd(8) and cleanup(8) process holds one; Postfix's default process
/// limit is 100, busy servers raise it.
pub const CONNECTIONS_MAX: usize = 5000;

/// The steps that need no reply of ours, since we refuse nothing before the end of the message: each reply costs Postfix
/// and us a switch of processes, and a message has one step for each field of its header. A piece of the body has its
/// reply, which may be to skip the rest.
const WITHOUT_REPLY: ProtoOpts = ProtoOpts::NOREPLY_CONNECT
    .union(ProtoOpts::NOREPLY_MAIL)
    .union(ProtoOpts::NOREPLY_RCPT)
    .union(ProtoOpts::NOREPLY_DATA)
    .union(ProtoOpts::NOREPLY_HEADER)
    .union(ProtoOpts::NOREPLY_EOH);

/// The most recipients kept of one message (`smtpd_recipient_limit` is 1000 by default).
const RECIPIENTS_MAX: usize = 50_000;

/// Gives the judge and the memory budget of this moment; each message keeps what it began with.
pub trait Current: Send + Sync + 'static {
    /// The judge for a message that begins now.
    fn judge(&self) -> Arc<Judge>;
    /// The memory for a message that begins now.
    fn budget(&self) -> Budget;
    /// Postfix has gone on after the end of this message: it has queued it or thrown it away.
    fn settled(&self, queue_id: QueueId);
}

/// What is kept for one connection.
struct Connection {
    current: Arc<dyn Current>,
    client: Client,
    /// Whether Postfix waits for no reply of ours to the steps of [`WITHOUT_REPLY`].
    quiet: bool,
    message: Option<(Arc<Judge>, Message)>,
    /// The message whose end was answered last.
    answered: Option<QueueId>,
}

impl Connection {
    fn settle(&mut self) {
        if let Some(queue_id) = self.answered.take() {
            self.current.settled(queue_id);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.settle();
    }
}

/// Serves Postfix until `shutdown` comes, then until the messages under way are finished.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(
    listener: impl Listener,
    current: Arc<dyn Current>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let config = Config { max_connections: CONNECTIONS_MAX, ..Config::default() };
    indymilter::run(listener, callbacks(current), config, shutdown).await
}

fn callbacks(current: Arc<dyn Current>) -> Callbacks<Connection> {
    Callbacks::new()
        .on_negotiate(move |context, _, offered| {
            negotiate(context, Arc::clone(&current), offered);
            Box::pin(async { Status::Continue })
        })
        .on_connect(|context, _, socket| {
            let status = connect(context, &socket);
            Box::pin(async move { without_reply(context, status) })
        })
        .on_mail(|context, arguments| {
            Box::pin(async move {
                let status = guarded(async { mail(context, &arguments) }).await;
                without_reply(context, status)
            })
        })
        .on_rcpt(|context, arguments| {
            Box::pin(async move {
                let status = guarded(async { rcpt(context, &arguments) }).await;
                without_reply(context, status)
            })
        })
        .on_data(|context| {
            Box::pin(async move {
                let status = guarded(data(context)).await;
                without_reply(context, status)
            })
        })
        .on_header(|context, name, value| {
            Box::pin(async move {
                let status = guarded(header(context, name, value)).await;
                without_reply(context, status)
            })
        })
        .on_eoh(|context| {
            Box::pin(async move {
                let status = guarded(end_of_header(context)).await;
                without_reply(context, status)
            })
        })
        .on_body(|context, chunk| Box::pin(guarded(async move { body(context, &chunk).await })))
        .on_eom(|context| Box::pin(end_of_message(context)))
        .on_abort(|context| {
            if let Some(connection) = &mut context.data {
                connection.message = None;
                connection.settle();
            }
            Box::pin(async { Status::Continue })
        })
}

fn negotiate(context: &mut NegotiateContext<Connection>, current: Arc<dyn Current>, offered: ProtoOpts) {
    context.requested_actions = Actions::ADD_HEADER | Actions::CHANGE_HEADER;
    context.requested_opts = ProtoOpts::NO_HELO | ProtoOpts::NO_UNKNOWN | (offered & ProtoOpts::SKIP);
    let quiet = offered.contains(WITHOUT_REPLY);
    if quiet {
        context.requested_opts |= WITHOUT_REPLY;
    }
    context.data = Some(Connection { current, client: Client::default(), quiet, message: None, answered: None });
    // Our own lists, so that what main.cf's milter_*_macros say does not matter.
    let lists = [
        (MacroStage::Mail, c"i {auth_type} {auth_authen}"),
        (MacroStage::Rcpt, c"i {rcpt_addr} {rcpt_host} {rcpt_mailer}"),
        (MacroStage::Data, c"i"),
        (MacroStage::Eom, c"i"),
    ];
    context.requested_macros.extend(lists.map(|(stage, list)| (stage, list.to_owned())));
}

/// Runs a step; a panic in it costs this message alone.
async fn guarded(step: impl Future<Output = Status>) -> Status {
    AssertUnwindSafe(step).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("milter: a step panicked, the message is refused for now; please report this");
        Status::Tempfail
    })
}

/// What a step answers that may be one of [`WITHOUT_REPLY`]. Where the step failed and cannot say so, the message is
/// forgotten, and refused for now at its end.
fn without_reply(context: &mut Context<Connection>, status: Status) -> Status {
    match &mut context.data {
        Some(connection) if connection.quiet => {
            if status != Status::Continue {
                connection.message = None;
            }
            Status::Noreply
        }
        _ => status,
    }
}

fn connect(context: &mut Context<Connection>, socket: &SocketInfo) -> Status {
    let Some(connection) = &mut context.data else { return Status::Tempfail };
    connection.settle();
    connection.message = None;
    connection.client.address = match socket {
        SocketInfo::Inet(address) => Some(address.ip().to_canonical()),
        SocketInfo::Unix(_) | SocketInfo::Unknown => None,
    };
    Status::Continue
}

fn message(context: &mut Context<Connection>) -> Option<&mut (Arc<Judge>, Message)> {
    context.data.as_mut()?.message.as_mut()
}

fn text(value: &CStr) -> String {
    value.to_string_lossy().into_owned()
}

fn value(macros: &Macros, name: &CStr) -> Option<String> {
    macros.get(name).map(text).filter(|value| !value.is_empty())
}

fn mail(context: &mut Context<Connection>, arguments: &[CString]) -> Status {
    let authenticated =
        value(&context.macros, c"{auth_type}").is_some() || value(&context.macros, c"{auth_authen}").is_some();
    let Some(connection) = &mut context.data else { return Status::Tempfail };
    connection.settle();
    let sender = arguments.first().map(|argument| text(argument)).unwrap_or_default();
    let mut message = Message::new(&sender, &connection.current.budget());
    message.authenticated = authenticated;
    message.utf8 = arguments.iter().skip(1).any(|argument| argument.as_bytes().eq_ignore_ascii_case(b"SMTPUTF8"));
    connection.message = Some((connection.current.judge(), message));
    Status::Continue
}

fn rcpt(context: &mut Context<Connection>, arguments: &[CString]) -> Status {
    let bare = |address: String| super::session::bare(&address).to_owned();
    let argument = arguments.first().map(|argument| text(argument)).unwrap_or_default();
    let macros = RecipientMacros {
        address: bare(value(&context.macros, c"{rcpt_addr}").unwrap_or(argument)),
        mailer: value(&context.macros, c"{rcpt_mailer}"),
        host: value(&context.macros, c"{rcpt_host}"),
    };
    let Some((judge, message)) = message(context) else { return Status::Tempfail };
    if message.recipients.len() >= RECIPIENTS_MAX {
        message.failed = Some(format!("more than {RECIPIENTS_MAX} recipients"));
        return Status::Continue;
    }
    let hop = judge.route.at_once(&macros).unwrap_or_else(|reason| {
        message.failed = Some(reason);
        AtOnce::Ask
    });
    message.recipients.push(Recipient::new(macros, hop));
    Status::Continue
}

/// All recipients are known now, and so is the queue ID, which Postfix does not have before the first recipient. Where
/// their mail goes in the end decides whether the body is read.
async fn data(context: &mut Context<Connection>) -> Status {
    let queue_id = value(&context.macros, c"i").and_then(|id| QueueId::parse(&id));
    let Some((judge, message)) = message(context) else { return Status::Tempfail };
    message.queue_id = queue_id;
    if message.failed.is_none() {
        judge.follow(message).await;
        message.internal = judge.all_internal(message);
    }
    Status::Continue
}

async fn header(context: &mut Context<Connection>, name: CString, value: CString) -> Status {
    let Some((_, message)) = message(context) else { return Status::Tempfail };
    if name.as_bytes().eq_ignore_ascii_case(TAG.as_bytes()) {
        message.foreign_tags += 1;
        return Status::Continue;
    }
    if message.failed.is_some() || message.internal {
        return Status::Continue;
    }
    let (name, value) = (name.as_bytes(), value.as_bytes());
    message.tls_not_required |= name.eq_ignore_ascii_case(b"TLS-Required");
    let mut line = Vec::with_capacity(name.len() + value.len() + 4);
    line.extend_from_slice(name);
    line.extend_from_slice(b": ");
    line.extend_from_slice(value);
    line.extend_from_slice(b"\r\n");
    append(message, &line).await
}

async fn end_of_header(context: &mut Context<Connection>) -> Status {
    let Some((_, message)) = message(context) else { return Status::Tempfail };
    if message.failed.is_some() || message.internal {
        return Status::Continue;
    }
    append(message, b"\r\n").await
}

async fn body(context: &mut Context<Connection>, chunk: &[u8]) -> Status {
    let Some((_, message)) = message(context) else { return Status::Tempfail };
    if message.failed.is_some() || message.internal {
        return Status::Skip;
    }
    append(message, chunk).await
}

async fn append(message: &mut Message, piece: &[u8]) -> Status {
    if let Err(error) = message.content.append(piece).await {
        message.failed = Some(format!("spool: {error}"));
    }
    Status::Continue
}

async fn end_of_message(context: &mut EomContext<Connection>) -> Status {
    let queue_id = value(&context.macros, c"i").and_then(|id| QueueId::parse(&id));
    let Some(connection) = &mut context.data else { return Status::Tempfail };
    let Some((judge, mut message)) = connection.message.take() else { return Status::Tempfail };
    message.queue_id = queue_id.or(message.queue_id);
    connection.answered.clone_from(&message.queue_id);
    let name = message.queue_id.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
    let foreign_tags = message.foreign_tags;
    let finished = AssertUnwindSafe(judge.finish(&connection.client, message)).catch_unwind().await;
    let answer = finished.unwrap_or_else(|_| {
        tracing::error!("{name}: action=tempfail reason=\"judging the message panicked; please report this\"");
        temporary(&name)
    });
    match answer {
        Answer::Refuse { code, status, lines } => refuse(&mut context.reply, code, status, lines),
        Answer::Continue { tag } => match mark(&context.actions, foreign_tags, tag).await {
            Ok(()) => Status::Continue,
            Err(error) => {
                tracing::error!("{name}: action=tempfail reason=\"cannot change the header: {error}\"");
                Status::Tempfail
            }
        },
    }
}

/// Takes foreign tags away, last one first since each removal renumbers those behind it, and adds ours.
async fn mark(
    actions: &impl ContextActions,
    foreign_tags: usize,
    tag: Option<String>,
) -> Result<(), indymilter::ActionError> {
    for index in (1..=foreign_tags).rev() {
        let index = i32::try_from(index).map_err(|_| indymilter::ActionError::InvalidParam)?;
        actions.change_header(TAG, index, None::<CString>).await?;
    }
    match tag {
        Some(tag) => actions.insert_header(1, TAG, tag).await,
        None => Ok(()),
    }
}

fn refuse(reply: &mut SmtpReply, code: &str, status: &str, lines: Vec<String>) -> Status {
    if let Err(error) = reply.set_error_reply(code, Some(status), lines) {
        tracing::error!("milter: the text of a refusal is not legal: {error}");
    }
    if code.starts_with('5') { Status::Reject } else { Status::Tempfail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detect::Verdict,
        nexthop::Destination,
        postfix::{
            judge::Inspect,
            route::{Followed, Hop, Onward, Route},
            session::Recipient,
        },
        probe::{Assess, Published, Report},
        requirement::Requirement,
        store::{BoxFuture, Departed, Pin, PinStore, Sighted, StoreError},
    };
    use indymilter_test::TestConnection;
    use std::{
        sync::Mutex,
        time::{Duration, Instant},
    };
    use tokio::sync::Semaphore;

    /// A recipient at whom a step panics.
    const PANIC: &str = "<panic@a.example>";

    /// Notes what it is given to read, and finds nothing in it.
    #[derive(Default)]
    struct Parts(Mutex<Vec<String>>);

    impl Inspect for Parts {
        fn inspect(&self, message: &[u8], _: Instant) -> Verdict {
            self.0.lock().unwrap().push(String::from_utf8_lossy(message).into_owned());
            Verdict::default()
        }
    }

    impl Route for Parts {
        fn at_once(&self, macros: &RecipientMacros) -> Result<AtOnce, String> {
            assert_ne!(format!("<{}>", macros.address), PANIC, "on purpose");
            Ok(AtOnce::Known(Hop::Smtp(vec![Destination::new("a.example").unwrap()])))
        }

        fn follow<'a>(&'a self, _: &'a str, recipients: &'a [Recipient]) -> BoxFuture<'a, Followed> {
            let way = || Onward { domain: None, hop: Hop::Smtp(vec![Destination::new("a.example").unwrap()]) };
            let recipients = recipients.iter().map(|_| vec![way()]).collect();
            Box::pin(async { Followed { recipients, ..Followed::default() } })
        }

        fn notice_to<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Vec<Onward>> {
            unreachable!()
        }

        fn fallback_relays(&self) -> Result<Vec<Destination>, String> {
            unreachable!()
        }

        fn heeds_tls_required_no(&self) -> Result<bool, String> {
            unreachable!()
        }

        fn queue_lifetime(&self) -> Result<Duration, String> {
            unreachable!()
        }
    }

    impl Assess for Parts {
        fn assess<'a>(&'a self, _: &'a Destination, _: Duration) -> BoxFuture<'a, Arc<Report>> {
            unreachable!()
        }

        fn published<'a>(&'a self, _: &'a Destination, _: Duration) -> BoxFuture<'a, Arc<Published>> {
            unreachable!()
        }

        fn assessed(&self, _: &Destination) -> Option<Arc<Report>> {
            unreachable!()
        }

        fn published_now(&self, _: &Destination) -> Option<Arc<Published>> {
            unreachable!()
        }

        fn upkeep(&self) -> BoxFuture<'_, ()> {
            unreachable!()
        }
    }

    impl PinStore for Parts {
        fn pin(&self, _: Vec<Pin>) -> BoxFuture<'_, Result<(), StoreError>> {
            unreachable!()
        }

        fn strictest(&self, _: &Destination) -> Result<Option<Requirement>, StoreError> {
            unreachable!()
        }

        fn list(&self) -> BoxFuture<'_, Result<Vec<Pin>, StoreError>> {
            unreachable!()
        }

        fn release(&self, _: Vec<Departed>) -> BoxFuture<'_, Result<usize, StoreError>> {
            unreachable!()
        }

        fn sighted(&self, _: Vec<Sighted>) -> BoxFuture<'_, Result<usize, StoreError>> {
            unreachable!()
        }
    }

    struct One(Arc<Parts>);

    impl Current for One {
        fn judge(&self) -> Arc<Judge> {
            let config = crate::config::Config::parse("mode = \"enforce\"").unwrap();
            Arc::new(Judge {
                config: Arc::new(config),
                inspect: Arc::clone(&self.0) as _,
                assess: Arc::clone(&self.0) as _,
                pins: Arc::clone(&self.0) as _,
                route: Arc::clone(&self.0) as _,
                reading: Arc::new(Semaphore::new(1000)),
            })
        }

        fn budget(&self) -> Budget {
            Budget::new(1 << 20, 1 << 20, 1 << 20, std::path::Path::new("/nonexistent"))
        }

        fn settled(&self, _: QueueId) {}
    }

    /// Sends a message to one recipient; how its end was answered.
    async fn send(postfix: &mut TestConnection, recipient: &str, subject: &str) -> indymilter_test::Status {
        postfix.mail(["<anna@sender.test>"]).await.unwrap();
        postfix.macros(MacroStage::Rcpt, [("i", "4bXyZ1")]).await.unwrap();
        let accepted = postfix.rcpt([recipient]).await.unwrap();
        if !matches!(accepted, indymilter_test::Status::Continue | indymilter_test::Status::Noreply) {
            return accepted;
        }
        postfix.macros(MacroStage::Data, [("i", "4bXyZ1")]).await.unwrap();
        postfix.data().await.unwrap();
        postfix.header("Subject", subject).await.unwrap();
        postfix.eoh().await.unwrap();
        // May be refused for now already where there is no message any more.
        let taken = postfix.body("text\r\n").await.unwrap();
        if taken != indymilter_test::Status::Continue {
            return taken;
        }
        postfix.macros(MacroStage::Eom, [("i", "4bXyZ1")]).await.unwrap();
        postfix.eom().await.unwrap().1
    }

    async fn talk(offered: ProtoOpts) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("milter.sock");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let parts = Arc::new(Parts::default());
        let current = Arc::new(One(Arc::clone(&parts)));
        let serving = tokio::spawn(serve(listener, current, std::future::pending()));

        let mut postfix = TestConnection::configure().available_opts(offered).open_unix(&path).await.unwrap();
        assert_eq!(postfix.negotiated_opts().contains(WITHOUT_REPLY), offered.contains(WITHOUT_REPLY));
        postfix.connect("client.example", [192, 0, 2, 1]).await.unwrap();
        let temporary = indymilter_test::Status::Tempfail { message: None };
        for (recipient, subject, expected) in [
            ("<bo@a.example>", "one", indymilter_test::Status::Continue),
            (PANIC, "two", temporary),
            ("<bo@a.example>", "three", indymilter_test::Status::Continue),
        ] {
            assert_eq!(send(&mut postfix, recipient, subject).await, expected, "{subject}");
            if expected != indymilter_test::Status::Continue {
                // As Postfix does when the client resets the session.
                postfix.abort().await.unwrap();
            }
        }
        let read = parts.0.lock().unwrap().clone();
        assert_eq!(read, ["Subject: one\r\n\r\ntext\r\n", "Subject: three\r\n\r\ntext\r\n"]);
        serving.abort();
    }

    #[tokio::test]
    async fn a_step_that_panics_costs_its_message_and_no_other() {
        talk(ProtoOpts::all()).await;
    }

    #[tokio::test]
    async fn so_it_does_where_every_step_is_answered() {
        talk(ProtoOpts::all() - ProtoOpts::NOREPLY_HEADER).await;
    }
}
