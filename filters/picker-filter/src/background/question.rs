//! How the admin interface is asked for a cluster's endpoints.

/// The path of the question for one cluster.
pub(super) fn clusters_path(cluster: &str) -> String {
    format!("/clusters?format=json&filter=%5E{}%24", escaped(cluster))
}

/// A cluster's name inside a regular expression inside a query.
fn escaped(cluster: &str) -> String {
    cluster
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
            // A backslash before all that could mean something.
            byte if byte.is_ascii() => format!("%5C%{byte:02X}"),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_s_name_is_a_literal_in_the_filter() {
        let path = clusters_path("outbound|80||a.b-c_d");
        let expected =
            "/clusters?format=json&filter=%5Eoutbound%5C%7C80%5C%7C%5C%7Ca%5C%2Eb-c_d%24";
        assert_eq!(path, expected);
        assert_eq!(clusters_path("é"), "/clusters?format=json&filter=%5E%C3%A9%24");
    }
}
