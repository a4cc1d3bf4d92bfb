//! Refusal: a failure as JSON-RPC says it. The one place where failures are mapped on this surface (P3); `data` is the
//! whole failure, so that programs can match on its code.

use protocol::{Code, Failure};
use tower_lsp::jsonrpc::{Error, ErrorCode};

/// `RequestFailed` of LSP 3.17: the request was fine and could not be done.
const REQUEST_FAILED: i64 = -32803;

/// The failure on the wire.
pub fn of(failure: &Failure) -> Error {
    let code = match failure.code {
        Code::InvalidInput | Code::NotFound | Code::PathRefused => ErrorCode::InvalidParams,
        Code::Internal => ErrorCode::InternalError,
        Code::Cancelled => ErrorCode::RequestCancelled,
        Code::Stale => ErrorCode::ContentModified,
        _ => ErrorCode::ServerError(REQUEST_FAILED),
    };
    Error {
        code,
        message: failure.to_string().into(),
        data: serde_json::to_value(failure).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn p3_data_is_the_failure() {
        let error = of(&Failure::new(Code::Config, "no model").hint("set one"));
        expect![[r#"{"code":-32803,"message":"no model (set one)","data":{"code":"config","hint":"set one","message":"no model"}}"#]]
            .assert_eq(&serde_json::to_string(&error).unwrap());
    }
}
