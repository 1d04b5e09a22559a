//! How variables become settings.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use aistm7_monitoring::redact::Secret;
use axum::http::Uri;

use super::{Backend, SettingsError};

/// The environment as far as this service reads it; an empty variable counts as unset.
pub(super) struct Environment<F> {
    pub(super) variable: F,
}

impl<F: Fn(&str) -> Option<OsString>> Environment<F> {
    pub(super) fn value(&self, name: &'static str) -> Result<Option<String>, SettingsError> {
        match (self.variable)(name) {
            None => Ok(None),
            Some(value) if value.is_empty() => Ok(None),
            Some(value) => value.into_string().map(Some).map_err(|_| SettingsError::NotUnicode { name }),
        }
    }

    pub(super) fn address(&self, name: &'static str, default: &'static str) -> Result<SocketAddr, SettingsError> {
        let value = self.value(name)?.unwrap_or_else(|| default.to_owned());
        value.parse().map_err(|_| SettingsError::Address { name, value, example: default })
    }

    /// A secret: what the first name says, or what is in the file that the second one names.
    pub(super) fn secret(&self, [name, file]: [&'static str; 2]) -> Result<Option<Secret<String>>, SettingsError> {
        let secret = match (self.value(name)?, self.value(file)?) {
            (Some(_), Some(_)) => return Err(SettingsError::Both(name, file)),
            (given, None) => given,
            (None, Some(path)) => {
                let failed = |error: io::Error| SettingsError::File { name: file, kind: error.kind() };
                // Whoever writes such a file ends its line.
                Some(fs::read_to_string(path).map_err(failed)?.trim_end().to_owned())
            }
        };
        Ok(secret.map(Secret::new))
    }

    /// A time in whole seconds.
    pub(super) fn seconds(&self, name: &'static str) -> Result<Option<Duration>, SettingsError> {
        let parse = |value: String| {
            seconds_of(&value).ok_or(SettingsError::Value { name, value, rule: "a number of seconds, from 1 to 3600" })
        };
        self.value(name)?.map(parse).transpose()
    }

    pub(super) fn url<T>(
        &self,
        name: &'static str,
        example: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Backend<T>, SettingsError> {
        let Some(value) = self.value(name)? else { return Ok(Backend::Embedded) };
        match parse(&value) {
            Some(parsed) => Ok(Backend::Given(parsed)),
            None => Err(SettingsError::Url { name, scheme: scheme_of(&value).to_owned(), example }),
        }
    }
}

/// What stands before `://`; empty if nothing that looks like a scheme does.
pub(super) fn scheme_of(url: &str) -> &str {
    match url.split_once("://") {
        Some((scheme, _)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => scheme,
        _ => "",
    }
}

pub(super) fn http_url(url: &str) -> Option<Uri> {
    let uri = Uri::from_str(url).ok()?;
    let has_host = uri.host().is_some_and(|host| !host.is_empty());
    (matches!(uri.scheme_str(), Some("http" | "https")) && has_host).then_some(uri)
}

/// Of whole seconds, up to an hour.
pub(super) fn seconds_of(text: &str) -> Option<Duration> {
    let seconds = text.parse().ok().filter(|seconds| (1..=3_600).contains(seconds))?;
    Some(Duration::from_secs(seconds))
}
