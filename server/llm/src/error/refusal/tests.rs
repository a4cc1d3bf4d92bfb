//! Words of real servers, and what they mean.

use super::*;

#[test]
fn a_refusal_means_what_can_be_done_about_it() {
    let table = [
        (
            401,
            r#"{"error":{"message":"bad key","type":"invalid_request_error","code":"invalid_api_key"}}"#,
            "Auth",
        ),
        (403, "", "Auth"),
        (402, r#"{"error":{"message":"pay","code":402}}"#, "Quota"),
        (
            429,
            r#"{"error":{"message":"You exceeded","code":"insufficient_quota"}}"#,
            "Quota",
        ),
        (429, r#"{"error":{"message":"slow down"}}"#, "RateLimited"),
        (
            400,
            r#"{"error":{"message":"too big","code":"context_length_exceeded"}}"#,
            "TooLong",
        ),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 > 8"}}"#,
            "TooLong",
        ),
        (413, "<html>", "TooLong"),
        (
            400,
            r#"{"error":{"message":"no","code":"content_filter"}}"#,
            "Refused",
        ),
        (400, r#"{"error":"unknown field"}"#, "Invalid"),
        (404, r#"{"error":{"message":"no such model"}}"#, "Invalid"),
        (500, "<html><h1>Oops", "Overloaded"),
        (503, "", "Overloaded"),
        (
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#,
            "Overloaded",
        ),
        (302, "", "Invalid"),
    ];
    for (status, body, name) in table {
        let error = Refusal::from_body(status, None, body.as_bytes()).into_error("p");
        assert!(
            format!("{error:?}").starts_with(name),
            "{status} {body}: {error:?}"
        );
        assert!(error.hint().ends_with('.'));
    }
}

#[test]
fn an_error_inside_a_stream_implies_its_status() {
    for (error, name) in [
        (r#"{"type":"overloaded_error","message":"x"}"#, "Overloaded"),
        (
            r#"{"type":"rate_limit_error","message":"x"}"#,
            "RateLimited",
        ),
        (r#"{"code":502,"message":"upstream"}"#, "Overloaded"),
        (r#"{"code":"429","message":"x"}"#, "RateLimited"),
        (r#""just words""#, "Overloaded"),
        ("{}", "Overloaded"),
    ] {
        let value = serde_json::from_str(error).unwrap();
        let error = Refusal::from_json(&value, 500).into_error("p");
        assert!(format!("{error:?}").starts_with(name), "{error:?}");
    }
}

/// What each provider's documentation, or a log of a real failure, has.
const SAID: &[(u16, &str, &str, Option<u64>)] = &[
    (
        429,
        r#"[{"error":{"code":429,"message":"Resource exhausted. Please try again later.","status":"RESOURCE_EXHAUSTED"}}]"#,
        "RateLimited",
        None,
    ),
    (
        429,
        r#"{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details.","status":"RESOURCE_EXHAUSTED","details":[{"violations":[{"quotaId":"GenerateRequestsPerMinutePerProjectPerModel-FreeTier"}]},{"retryDelay":"13s"}]}}"#,
        "RateLimited",
        Some(13),
    ),
    (
        429,
        r#"{"error":{"code":429,"message":"You exceeded your current quota","status":"RESOURCE_EXHAUSTED","details":[{"violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}]}}"#,
        "Quota",
        None,
    ),
    (
        429,
        r#"{"error":{"message":"{\n \"error\": {\"code\": 429, \"message\": \"Resource has been exhausted (e.g. check quota).\", \"status\": \"RESOURCE_EXHAUSTED\"}}","code":429,"status":"Too Many Requests"}}"#,
        "RateLimited",
        None,
    ),
    (
        400,
        r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#,
        "Auth",
        None,
    ),
    (
        403,
        r#"{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED"}}"#,
        "Auth",
        None,
    ),
    (
        503,
        r#"{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}"#,
        "Overloaded",
        None,
    ),
    (
        504,
        r#"{"error":{"code":504,"message":"x","status":"DEADLINE_EXCEEDED"}}"#,
        "Overloaded",
        None,
    ),
    (
        400,
        r#"{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}"#,
        "TooLong",
        None,
    ),
    (
        429,
        r#"{"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"z is temporarily rate-limited upstream. Please retry after 5 seconds","provider_name":"B"}}}"#,
        "RateLimited",
        Some(5),
    ),
    (
        400,
        r#"{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"{\"error\":{\"message\":\"This model's maximum context length is 8192 tokens\",\"type\":\"invalid_request_error\"}}"}}}"#,
        "TooLong",
        None,
    ),
    (
        403,
        r#"{"error":{"code":403,"message":"openai/gpt requires moderation on Azure. Your input was flagged"}}"#,
        "Refused",
        None,
    ),
    (
        402,
        r#"{"error":{"code":402,"message":"This request requires more credits"}}"#,
        "Quota",
        None,
    ),
    (
        429,
        r#"{"code":"Throttling.RateQuota","message":"Requests rate limit exceeded, please try again later.","request_id":"x"}"#,
        "RateLimited",
        None,
    ),
    (
        429,
        r#"{"code":"Throttling.AllocationQuota","message":"Allocated quota exceeded"}"#,
        "RateLimited",
        None,
    ),
    (
        400,
        r#"{"code":"Arrearage","message":"Access denied, please make sure your account is in good standing."}"#,
        "Quota",
        None,
    ),
    (
        401,
        r#"{"code":"InvalidApiKey","message":"Invalid API-key provided."}"#,
        "Auth",
        None,
    ),
    (
        400,
        r#"{"code":"DataInspectionFailed","message":"Input data may contain inappropriate content."}"#,
        "Refused",
        None,
    ),
    (
        400,
        r#"{"code":"InvalidParameter","message":"Range of input length should be [1, 30720]"}"#,
        "TooLong",
        None,
    ),
    (
        400,
        r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}"#,
        "TooLong",
        None,
    ),
    (
        500,
        r#"{"error":{"message":"the request exceeds the available context size"}}"#,
        "TooLong",
        None,
    ),
    (
        400,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API."}}"#,
        "Quota",
        None,
    ),
    (
        413,
        r#"{"type":"error","error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}"#,
        "TooLong",
        None,
    ),
    (
        429,
        r#"{"error":{"message":"Rate limit reached for gpt-4 on tokens per min. Please try again in 1.2s.","type":"tokens","code":"rate_limit_exceeded"}}"#,
        "RateLimited",
        Some(1),
    ),
    (
        429,
        r#"{"error":{"message":"Request too large for gpt-4 on tokens per min (TPM): Limit 10000, Requested 12000.","code":"rate_limit_exceeded"}}"#,
        "TooLong",
        None,
    ),
    (
        429,
        r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota"}}"#,
        "Quota",
        None,
    ),
    (
        400,
        r#"{"error":{"message":"The response was filtered","code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
        "Refused",
        None,
    ),
    (
        400,
        r#"{"object":"error","message":"This model's maximum context length is 4096 tokens","type":"BadRequestError","code":400}"#,
        "TooLong",
        None,
    ),
    (404, r#"{"error":"model 'x' not found"}"#, "Invalid", None),
    (
        422,
        r#"{"detail":[{"loc":["body"],"msg":"field required"}]}"#,
        "Invalid",
        None,
    ),
    (400, "[]", "Invalid", None),
    (400, "null", "Invalid", None),
    (599, "[[[[", "Overloaded", None),
];

#[test]
fn each_provider_is_understood() {
    for (status, body, name, seconds) in SAID {
        let error = Refusal::from_body(*status, None, body.as_bytes()).into_error("p");
        let shown = format!("{error:?}");
        assert!(shown.starts_with(name), "{status} {body}: {shown}");
        let asked = match &error {
            Error::RateLimited { retry_after, .. } => retry_after.map(|time| time.as_secs()),
            _ => None,
        };
        assert_eq!(asked, *seconds, "{body}");
    }
}

#[test]
fn a_request_that_is_quoted_is_no_word_of_the_server() {
    let echo = "insufficient balance, context window, does not support tools, content policy";
    let list = serde_json::json!([{"type": "missing", "loc": ["body", "messages", 2, "x"], "msg": "Field required",
        "input": {"messages": [{"content": echo}]}}]);
    let printed = format!(
        "[{{'type': 'missing', 'loc': ('body', 'messages', 2, 'x'), 'msg': 'Field required', 'input': {{'a': \"{echo}\"}}}}]"
    );
    for body in [
        serde_json::json!({"detail": list}),
        serde_json::json!({"error": {"message": list, "code": 422}}),
        serde_json::json!({"object": "error", "message": printed}),
    ] {
        let body = body.to_string();
        let error = Refusal::from_body(422, None, body.as_bytes()).into_error("p");
        let (provider, message) = (
            "p".to_owned(),
            "body.messages.2.x: Field required".to_owned(),
        );
        let status = 422;
        assert_eq!(
            error,
            Error::Invalid {
                provider,
                status,
                message
            },
            "{body}"
        );
    }
    let body = serde_json::json!({"code": "bad", "request": {"messages": echo}}).to_string();
    let error = Refusal::from_body(400, None, body.as_bytes()).into_error("p");
    assert!(!error.to_string().contains("balance"), "{error}");
    // Words behind a half quotation are read as they came.
    let error = Refusal::from_body(400, None, b"{\"error\":\"'loc': (\"}").into_error("p");
    assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
}
