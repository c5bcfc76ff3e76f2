//! Whether requests went where the guides say.
//!
//! Invariant: headers, pool, endpoint and status are all compared; a request that is
//! wrong in two ways is reported with both.

use super::requests::Request;
use super::send::Seen;

/// One line per request that went wrong.
pub(super) fn all(rows: &[(Request, Seen)]) -> Vec<String> {
    rows.iter()
        .filter_map(|(request, seen)| {
            let wrong = one(request, seen);
            let name = format!("guide {} {} {}", request.guide, request.model, request.path());
            (!wrong.is_empty()).then(|| format!("{name}: {}", wrong.join("; ")))
        })
        .collect()
}

/// What is wrong with one request; empty: nothing.
pub(super) fn one(request: &Request, seen: &Seen) -> Vec<String> {
    match &seen.status {
        Err(reason) => return vec![format!("no answer: {reason}")],
        Ok(200) => {}
        Ok(status) => return vec![format!("status {status}, expected 200")],
    }
    let base = request.base;
    let mut wrong: Vec<String> = [
        ("X-Gateway-Model-Name", seen.model.as_deref(), Some(request.model)),
        ("X-Gateway-Base-Model-Name", seen.base.as_deref(), base),
        ("pool", seen.pool.as_deref(), Some(request.pool)),
    ]
    .into_iter()
    .filter(|(_, seen, expected)| seen != expected)
    .map(|(name, seen, expected)| {
        let show = |value: Option<&str>| value.unwrap_or("none").to_owned();
        format!("{name} is {}, expected {}", show(seen), show(expected))
    })
    .collect();
    // The model server's own word, against Envoy's.
    let endpoint = seen.endpoint.as_deref().unwrap_or("none");
    let number = endpoint.strip_prefix(request.pool).and_then(|rest| rest.strip_prefix('-'));
    if number.is_none_or(|number| number.parse::<u16>().is_err()) {
        wrong.push(format!("endpoint {endpoint} is not of pool {}", request.pool));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::requests;

    fn right(request: &Request) -> Seen {
        Seen {
            model: Some(request.model.to_owned()),
            base: request.base.map(str::to_owned),
            pool: Some(request.pool.to_owned()),
            endpoint: Some(format!("{}-0", request.pool)),
            status: Ok(200),
        }
    }

    #[test]
    fn what_went_right_is_not_reported() {
        let rows: Vec<_> = requests::all().into_iter().map(|r| (r, right(&r))).collect();
        assert_eq!(all(&rows), [""; 0]);
    }

    #[test]
    fn every_kind_of_wrong_is_reported() {
        let request = requests::all()[0];
        let right = right(&request);
        let wrongs = [
            Seen { model: None, ..right.clone() },
            Seen { base: Some("other".to_owned()), ..right.clone() },
            Seen { pool: Some("other".to_owned()), ..right.clone() },
            Seen { endpoint: Some("other-0".to_owned()), ..right.clone() },
            Seen { endpoint: None, ..right.clone() },
            Seen { status: Ok(404), ..right.clone() },
            Seen::nothing("refused".to_owned()),
        ];
        for seen in wrongs {
            assert_eq!(one(&request, &seen).len(), 1, "{seen:?}");
        }
    }

    #[test]
    fn a_pool_whose_name_begins_another_is_told_from_it() {
        let request = requests::all().into_iter().find(|r| r.model == "recommender").unwrap();
        let seen = Seen { endpoint: Some("deepseek-r1-x-0".to_owned()), ..right(&request) };
        assert_eq!(one(&request, &seen).len(), 1);
    }

    #[test]
    fn a_header_that_must_not_be_set_is_reported() {
        let request = requests::all().into_iter().find(|r| r.base.is_none()).unwrap();
        let seen = Seen { base: Some(String::new()), ..right(&request) };
        assert_eq!(one(&request, &seen).len(), 1);
    }
}
