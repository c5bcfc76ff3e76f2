//! The clock jumps, any number of times, any way, whatever else happens.

use proptest::prelude::*;

use shared::picker::DESTINATION_HEADER;

use super::two_servers;
use super::world::{PickerRequest, Server, page};

/// What happens between two jumps.
#[derive(Debug, Clone)]
struct Step {
    /// By how much the clock jumps, in milliseconds.
    jump: i64,
    /// For how long it then runs.
    run: u64,
    /// The VM that gets a request before the jump.
    vm: usize,
    /// Whether all requests under way end after the jump.
    ends: bool,
    /// Whether a server hangs meanwhile.
    hangs: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let jump = prop_oneof![
        Just(0),
        -400..400_i64,
        -60_000..60_000_i64,
        -86_400_000..86_400_000_i64,
        Just(i64::MIN),
        Just(1 << 52),
    ];
    (jump, 0..3_000_u64, 0..3_usize, any::<bool>(), any::<bool>())
        .prop_map(|(jump, run, vm, ends, hangs)| Step { jump, run, vm, ends, hangs })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..Default::default() })]

    #[test]
    fn whatever_the_clock_does_the_picker_goes_on(steps in prop::collection::vec(step(), 1..8)) {
        let mut process = two_servers(3);
        process.run_for(1_000);
        let mut requests = Vec::new();
        for Step { jump, run, vm, ends, hangs } in steps {
            let mut request = process.request(vm, &[]);
            request.on_headers();
            prop_assert!(process.header(DESTINATION_HEADER).is_some(), "a pick at any time");
            requests.push(request);
            process.jump_to(process.now().saturating_add_signed(jump));
            let server = if hangs { Server::Hangs } else { Server::Page(page(9, 3, 0.9)) };
            process.serve("10.0.0.1:8000", server);
            process.run_for(run);
            if ends {
                requests.drain(..).for_each(|mut request| request.on_done());
            }
        }
        // From here on nothing is wrong, and within some refreshes nothing shows it was.
        process.serve("10.0.0.1:8000", Server::Page(page(77, 0, 0.0)));
        process.run_for(15_000);
        prop_assert_eq!(process.holders().len(), 1);
        for vm in 0..3 {
            prop_assert_eq!(process.waiting(vm), [Some(77), Some(0)], "VM {}", vm);
        }
        requests.iter_mut().for_each(PickerRequest::on_done);
        process.run_for(1_000);
        for vm in 0..3 {
            prop_assert_eq!((process.in_flight(vm), process.others_in_flight(vm)), (0, 0));
        }
    }
}
