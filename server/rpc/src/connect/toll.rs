//! Toll: what every rpc passes on its way in and out. A deadline that is none is refused, and what goes wrong is counted once.

use crate::status;
use crate::transport::{Counted, Transports, Wire};
use axum::http::HeaderMap;
use connectrpc::interceptor::{
    Next, NextStream, PayloadStream, StreamRequest, StreamResponse, UnaryRequest, UnaryResponse,
};
use connectrpc::{ConnectError, Interceptor, RequestContext, async_trait};
use futures::StreamExt;
use protocol::{Code, Failure};
use std::sync::Arc;

/// Stands before the services.
pub struct Toll(pub Arc<Transports>);

#[async_trait]
impl Interceptor for Toll {
    async fn intercept_unary(
        &self,
        request: UnaryRequest,
        next: Next<'_>,
    ) -> Result<UnaryResponse, ConnectError> {
        let counted = counted(&request.ctx);
        let answer = match timely(request.ctx.headers()) {
            Ok(()) => next.run(request).await,
            Err(failure) => Err(status::connect(&failure)),
        };
        answer.inspect_err(|error| self.count(&counted, error))
    }

    async fn intercept_streaming(
        &self,
        request: StreamRequest,
        inbound: PayloadStream,
        next: NextStream<'_>,
    ) -> Result<StreamResponse, ConnectError> {
        let counted = counted(&request.ctx);
        let answer = match timely(request.ctx.headers()) {
            Ok(()) => next.run(request, inbound).await,
            Err(failure) => Err(status::connect(&failure)),
        };
        let answer = answer.inspect_err(|error| self.count(&counted, error))?;
        let toll = Toll(self.0.clone());
        Ok(answer.map_body(|body| -> PayloadStream {
            Box::pin(body.inspect(move |item| {
                if let Err(error) = item {
                    toll.count(&counted, error);
                }
            }))
        }))
    }
}

impl Toll {
    fn count(&self, counted: &Counted, error: &ConnectError) {
        counted.set();
        self.0.error(Wire::Connect, status::code(error));
    }
}

fn counted(context: &RequestContext) -> Counted {
    context.extensions().get().cloned().unwrap_or_default()
}

/// Whether the deadline that a client asks for is one: milliseconds in Connect, a number with its unit in gRPC.
fn timely(headers: &HeaderMap) -> Result<(), Failure> {
    let number = |text: &str, most: usize| {
        (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    for (name, most, units) in [
        ("connect-timeout-ms", 10, ""),
        ("grpc-timeout", 8, "HMSmun"),
    ] {
        for sent in headers.get_all(name) {
            let good = sent.to_str().is_ok_and(|text| match units {
                "" => number(text, most),
                units => text
                    .strip_suffix(|last| units.contains(last))
                    .is_some_and(|text| number(text, most)),
            });
            if !good {
                return Err(Failure::new(
                    Code::InvalidInput,
                    format!("{name} is no time that can be kept"),
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_a_number_with_its_unit() {
        let judge = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            timely(&headers).is_ok()
        };
        for good in ["1", "9999999999", "0"] {
            assert!(judge("connect-timeout-ms", good), "{good}");
        }
        for bad in ["", "-1", "1.5", "10s", "99999999999", "+1", " 1"] {
            assert!(!judge("connect-timeout-ms", bad), "{bad}");
        }
        for good in ["1S", "99999999n", "5m", "1H"] {
            assert!(judge("grpc-timeout", good), "{good}");
        }
        for bad in ["", "1", "S", "1s", "999999999S", "-1S", "1 S"] {
            assert!(!judge("grpc-timeout", bad), "{bad}");
        }
    }
}
