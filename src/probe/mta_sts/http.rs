//! One GET over a connection that is already there, with the conditions of RFC 8461 section 3.3 on the answer.
//!
//! There is nothing of HTTP that this client does beyond: it sends one request and no cookies, follows nothing, keeps
//! nothing, and asks for no compression.

use super::error::FetchError;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body as _, Incoming},
    client::conn::http1,
    header::{self, HeaderMap},
};
use hyper_util::rt::TokioIo;
use std::{convert::Infallible, error::Error as _, future, io, pin::Pin, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

/// The most that a policy file may have, in bytes (section 3.3 suggests it).
pub(super) const BODY_MAX: usize = 64 * 1024;

/// The most that the lines before it may have, in bytes. hyper takes no less than 8192.
const HEADER_MAX: usize = 16 * 1024;

/// How many lines these may be.
const HEADER_LINES_MAX: usize = 100;

/// Where the file is (section 3.3).
const PATH: &str = "/.well-known/mta-sts.txt";

/// How the program calls itself, so that whoever runs the server knows whom to ask.
const USER_AGENT: &str = concat!("Segl/", env!("CARGO_PKG_VERSION"));

/// Gets the policy file of `host`. The header of the answer and its body may take `step_time` each.
///
/// # Errors
/// Where the answer is anything but a whole text of bounded size.
pub(super) async fn get<S>(stream: S, host: &str, step_time: Duration) -> Result<Vec<u8>, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEADER_MAX).max_headers(HEADER_LINES_MAX);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(|error| judge(&error))?;
    let request = Request::builder()
        .method(Method::GET)
        .uri(PATH)
        .header(header::HOST, host)
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::ACCEPT, "text/plain")
        .header(header::ACCEPT_ENCODING, "identity")
        .header(header::CONNECTION, "close")
        .body(String::new())
        .map_err(|error| FetchError::Http(error.to_string()))?;
    let exchange = async {
        let response =
            within("answer", step_time, async { sender.send_request(request).await.map_err(|error| judge(&error)) });
        let response = response.await?;
        check(&response)?;
        within("policy file", step_time, whole(response.into_body())).await
    };
    // The connection does nothing unless it is polled; when it ends, the exchange learns why.
    let drive = async {
        let _ = connection.await;
        future::pending::<Infallible>().await
    };
    tokio::select! {
        done = exchange => done,
        never = drive => match never {},
    }
}

async fn within<T>(
    step: &'static str,
    limit: Duration,
    work: impl Future<Output = Result<T, FetchError>>,
) -> Result<T, FetchError> {
    timeout(limit, work).await.unwrap_or(Err(FetchError::TimedOut { step, limit }))
}

/// Whether the body is worth reading.
fn check(response: &Response<Incoming>) -> Result<(), FetchError> {
    let status = response.status();
    match status {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND | StatusCode::GONE => return Err(FetchError::NotFound(status.as_u16())),
        _ if status.is_redirection() => return Err(FetchError::Redirect(status.as_u16())),
        _ => return Err(FetchError::Status(status.as_u16())),
    }
    let kind = only(response.headers(), header::CONTENT_TYPE);
    // Parameters do not matter: the text is read as UTF-8 or not at all.
    let essence = kind.split(';').next().unwrap_or_default().trim_matches([' ', '\t']);
    if !essence.eq_ignore_ascii_case("text/plain") {
        return Err(FetchError::WrongType(kind));
    }
    let encoding = only(response.headers(), header::CONTENT_ENCODING);
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity") {
        return Err(FetchError::Encoded(encoding));
    }
    Ok(())
}

/// The value of a field; all of its values in a list where there are several.
fn only(headers: &HeaderMap, name: header::HeaderName) -> String {
    let values: Vec<_> = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    values.join(", ")
}

/// The whole body, if it is no larger than it may be.
async fn whole(mut body: Incoming) -> Result<Vec<u8>, FetchError> {
    let too_large = FetchError::TooLarge(BODY_MAX);
    if body.size_hint().lower() > BODY_MAX as u64 {
        return Err(too_large);
    }
    let mut bytes = Vec::new();
    while let Some(frame) = future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|error| judge(&error))?;
        // What is no data is a trailer.
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > BODY_MAX {
            return Err(too_large);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// hyper's errors in the few kinds that matter here.
fn judge(error: &hyper::Error) -> FetchError {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            return match error.kind() {
                io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                    FetchError::CutShort
                }
                _ => FetchError::Http(error.to_string()),
            };
        }
        source = cause.source();
    }
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        return FetchError::CutShort;
    }
    FetchError::Http(error.to_string())
}
