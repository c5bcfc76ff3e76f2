//! The guides' curl commands with this gateway's address, ready to paste.

use super::ports::Ports;
use super::requests::Request;
use std::collections::HashSet;

/// What the demo prints when it is up. A request that stands in two guides is printed
/// once.
pub(super) fn page(requests: &[Request], ports: Ports) -> Result<String, serde_json::Error> {
    let mut seen = HashSet::new();
    let mut page = String::new();
    for request in requests {
        let command = command(request, ports.gateway)?;
        if seen.insert(command.clone()) {
            page += &format!("# guide {}: to pool {}\n{command}\n\n", request.guide, request.pool);
        }
    }
    page += &format!(
        "# the models the gateway knows\ncurl -s localhost:{}/v1/models\n\n\
         gateway   http://127.0.0.1:{}\nadmin     http://127.0.0.1:{}\n\n\
         Ctrl-C ends the gateway and the model servers.",
        ports.gateway, ports.gateway, ports.admin
    );
    Ok(page)
}

fn command(request: &Request, port: u16) -> Result<String, serde_json::Error> {
    // A single quote cannot stand inside single quotes in a shell.
    let body = request.body()?.replace('\'', r"'\''");
    Ok(format!(
        "curl -i localhost:{port}{} -H 'Content-Type: application/json' -d '{body}'",
        request.path()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::requests;
    use std::process::Command;

    #[test]
    fn a_shell_reads_back_the_body_that_is_sent() {
        for request in requests::all() {
            let command = command(&request, 8080).unwrap();
            let command = command.replacen("curl", "printf '%s\\n'", 1);
            let output = Command::new("sh").args(["-c", &command]).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            assert_eq!(text.lines().last().unwrap(), request.body().unwrap());
        }
    }
}
