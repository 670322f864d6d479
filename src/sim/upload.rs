//! Reading a request's body into parameters: by content type, within the server's limits.
//! A part of a multipart body with a `filename` is a file, one without is a parameter.

use axum::body::Body;
use axum::extract::{FromRequest, Multipart};
use axum::http::{HeaderMap, HeaderName, Request, header};

use super::answer::Answer;
use super::params::{Params, Upload};

/// Most bytes of parameters in one call, files aside; more is answered with 413 and an empty body.
const MAX_PARAM_BYTES: usize = 1 << 20;
/// Most bytes of one call with its files: the 50 MB Telegram takes, and the parameters.
const MAX_BODY_BYTES: usize = 51 << 20;
/// Most files in one call.
const MAX_FILES: usize = 50;

/// Reads the parameters of a call: the query first, then the body.
///
/// # Errors
/// The empty 413, 400 or 415 answers of the server.
pub(crate) async fn read_params(request: Request<Body>) -> Result<Params, Answer> {
    let mut params = Params::default();
    params.add_form(request.uri().query().unwrap_or_default().as_bytes());
    if !matches!(header_text(request.headers(), &header::CONTENT_ENCODING), "" | "identity") {
        return Err(Answer::empty(415));
    }
    let kind = header_text(request.headers(), &header::CONTENT_TYPE).split(';').next().unwrap_or_default();
    let kind = kind.trim().to_ascii_lowercase();
    if kind == "multipart/form-data" {
        add_multipart(&mut params, request).await?;
        return Ok(params);
    }
    let body = axum::body::to_bytes(request.into_body(), MAX_PARAM_BYTES).await;
    let body = body.map_err(|_| Answer::empty(413))?;
    match kind.as_str() {
        "application/json" => params.add_json(&body),
        "application/x-www-form-urlencoded" => params.add_form(&body),
        // Other bodies are ignored, as the server ignores them.
        _ => {}
    }
    Ok(params)
}

fn header_text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn add_multipart(params: &mut Params, request: Request<Body>) -> Result<(), Answer> {
    let mut parts = Multipart::from_request(request, &()).await.map_err(|_| Answer::empty(400))?;
    let (mut param_bytes, mut all_bytes) = (0, 0);
    while let Some(part) = parts.next_field().await.map_err(|_| Answer::empty(400))? {
        let name = part.name().unwrap_or_default().to_owned();
        let filename = part.file_name().map(str::to_owned);
        let mut part = part;
        let mut bytes = Vec::new();
        while let Some(chunk) = part.chunk().await.map_err(|_| Answer::empty(400))? {
            all_bytes += chunk.len();
            if filename.is_none() {
                param_bytes += chunk.len();
            }
            if param_bytes > MAX_PARAM_BYTES || all_bytes > MAX_BODY_BYTES {
                return Err(Answer::empty(413));
            }
            bytes.extend_from_slice(&chunk);
        }
        match filename {
            Some(_) if params.files.len() >= MAX_FILES => return Err(Answer::empty(413)),
            Some(filename) => params.files.push(Upload { name, filename, bytes: bytes.into() }),
            None => params.add_text(name, String::from_utf8_lossy(&bytes).into_owned()),
        }
    }
    Ok(())
}
