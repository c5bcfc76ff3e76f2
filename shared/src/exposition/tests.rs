//! What is read of lines and pages, by example and by property.

use std::borrow::Cow;

use proptest::collection::vec;
use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{FamilyName, MAX_LINE_BYTES, Reader, Wanted};

/// A sample that outlives its line. Numbers by their bits, so that NaN equals itself.
#[derive(Debug, Clone, PartialEq)]
struct Owned {
    name: String,
    labels: Vec<(String, String)>,
    value: u64,
    timestamp: Option<u64>,
}

fn owned(name: &str, labels: &[(&str, &str)], value: f64, timestamp: Option<f64>) -> Owned {
    let labels = labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let timestamp = timestamp.map(f64::to_bits);
    Owned { name: name.to_owned(), labels, value: value.to_bits(), timestamp }
}

fn wanted(names: &[&str]) -> Wanted {
    Wanted::new(names.iter().map(|name| name.parse::<FamilyName>().expect(name)))
}

fn read_in(wanted: &Wanted, chunks: &[&[u8]]) -> (Vec<Owned>, u32) {
    let mut samples = Vec::new();
    let mut take = |sample: super::Sample<'_>| {
        assert_eq!(wanted.names()[sample.family].as_str(), sample.name);
        samples.push(Owned {
            name: sample.name.to_owned(),
            labels: sample.labels().map(|(name, value)| (name.into(), value.into())).collect(),
            value: sample.value.to_bits(),
            timestamp: sample.timestamp.map(f64::to_bits),
        });
    };
    let mut reader = Reader::new(wanted);
    for chunk in chunks {
        reader.feed(chunk, &mut take);
    }
    let skipped = reader.finish(take);
    (samples, skipped)
}

/// Reads the page whole, cut in two at every place and byte by byte; all must say the same.
fn read(names: &[&str], page: &[u8]) -> (Vec<Owned>, u32) {
    let wanted = wanted(names);
    let whole = read_in(&wanted, &[page]);
    for cut in 0..=page.len() {
        let (head, tail) = page.split_at(cut);
        assert_eq!(read_in(&wanted, &[head, tail]), whole, "cut at {cut}");
    }
    let bytes: Vec<&[u8]> = page.chunks(1).collect();
    assert_eq!(read_in(&wanted, &bytes), whole, "byte by byte");
    whole
}

/// The one sample of a line about `q`, or `None` if it is garbage.
fn line(line: &str) -> Option<Owned> {
    let (mut samples, skipped) = read(&["q"], line.as_bytes());
    assert_eq!(samples.len() + skipped as usize, 1, "{line:?}");
    samples.pop()
}

#[test]
fn values_are_read_in_every_spelling() {
    for (text, value) in [
        ("0", 0.0),
        ("3.0", 3.0),
        ("+1", 1.0),
        ("-2.5", -2.5),
        (".5", 0.5),
        ("1.795226915e+09", 1_795_226_915.0),
        ("1E-3", 0.001),
        ("+Inf", f64::INFINITY),
        ("Inf", f64::INFINITY),
        ("-Inf", f64::NEG_INFINITY),
    ] {
        assert_eq!(line(&format!("q {text}")), Some(owned("q", &[], value, None)), "{text}");
    }
    let nan = line("q NaN").expect("NaN is a value");
    assert!(f64::from_bits(nan.value).is_nan());
}

#[test]
fn labels_are_unescaped() {
    let escaped = r#"q{a="x\\y",b="say \"hi\"",c="one\ntwo",d="\t\",e="}",f=","} 1"#;
    assert_eq!(line(escaped), None, "the quote of d is escaped");
    let escaped = r#"q{a="x\\y",b="say \"hi\"",c="one\ntwo",d="\t",e="} 1",f=",=é{"} 1"#;
    let labels = [
        ("a", "x\\y"),
        ("b", "say \"hi\""),
        ("c", "one\ntwo"),
        ("d", "\\t"),
        ("e", "} 1"),
        ("f", ",=é{"),
    ];
    assert_eq!(line(escaped), Some(owned("q", &labels, 1.0, None)));
}

#[test]
fn labels_may_be_empty_and_end_with_a_comma() {
    let one = |labels| Some(owned("q", labels, 1.0, None));
    assert_eq!(line("q{} 1"), one(&[]));
    assert_eq!(line("q{ } 1"), one(&[]));
    assert_eq!(line("q{a=\"\"} 1"), one(&[("a", "")]));
    assert_eq!(line("q{a=\"b\",} 1"), one(&[("a", "b")]));
    assert_eq!(line("q{ a = \"b\" ,\tc=\"d\" , } 1"), one(&[("a", "b"), ("c", "d")]));
}

#[test]
fn blanks_timestamps_exemplars_and_line_ends_do_not_matter() {
    let sample = |timestamp| Some(owned("q", &[("a", "b")], 1.0, timestamp));
    assert_eq!(line("q{a=\"b\"}1"), sample(None));
    assert_eq!(line(" \tq {a=\"b\"} \t 1 \t "), sample(None));
    assert_eq!(line("q{a=\"b\"} 1\r\n"), sample(None));
    assert_eq!(line("q{a=\"b\"} 1 1795226915429"), sample(Some(1_795_226_915_429.0)));
    assert_eq!(line("q{a=\"b\"} 1\t-5\r\n"), sample(Some(-5.0)));
    assert_eq!(line("q{a=\"b\"} 1 # {trace_id=\"x # y\"} 0.67 15.2"), sample(None));
    assert_eq!(line("q{a=\"b\"} 1 15.25 # {} 0.67"), sample(Some(15.25)));
}

#[test]
fn garbage_behind_a_wanted_name_is_skipped_and_counted() {
    for garbage in [
        "q",
        "q ",
        "q{",
        "q{}",
        "q{} ",
        "q one",
        "q 1 2 3",
        "q 1 x",
        "q 1 NaN",
        "q{,} 1",
        "q{a} 1",
        "q{a=b} 1",
        "q{a=\"b} 1",
        "q{a=\"b\\\"} 1",
        "q{=\"b\"} 1",
        "q{9=\"b\"} 1",
        "q{a.b=\"c\"} 1",
        "q{a=\"b\" c=\"d\"} 1",
        "q{a=\"b\",,} 1",
        "q{a=\"b\"}} 1",
        "q 0x10",
        "q 1_000",
        "q - 1",
        "q # 1",
    ] {
        assert_eq!(line(garbage), None, "{garbage}");
    }
    let (samples, skipped) = read(&["q"], b"q{a=\"\xff\"} 1\nq \xff\nq 2\n\xff 3\nq 4");
    let twice = [owned("q", &[], 2.0, None), owned("q", &[], 4.0, None)];
    assert_eq!((samples, skipped), (twice.to_vec(), 2));
}

#[test]
fn only_the_families_asked_for_are_read() {
    let page = b"# HELP queue_size q\n# TYPE queue_size gauge\nqueue_size_total 1\nqueue_size 2\n\
        queue_siz 3\nqueue 4\n\n\r\n#queue_size 5\nkv{l=\"queue_size 6\"} 7\nother{ 8\n# EOF\n\
        queue_size 9\nkv_max 10";
    let (samples, skipped) = read(&["queue_size", "kv"], page);
    let expected = [
        owned("queue_size", &[], 2.0, None),
        owned("kv", &[("l", "queue_size 6")], 7.0, None),
        owned("queue_size", &[], 9.0, None),
    ];
    assert_eq!((samples, skipped), (expected.to_vec(), 0));
    assert_eq!(read(&[], page), (Vec::new(), 0));
    assert_eq!(read(&["kv_max"], page).0, [owned("kv_max", &[], 10.0, None)]);
}

#[test]
fn names_of_any_length_are_found() {
    let names = ["a", "ab", "abcdefg", "abcdefgh", "abcdefghi", "abcdefghijklmnopqrstuvwxyz"];
    let page: String = names.iter().map(|name| format!("{name} 1\n{name}{{}} 2\n")).collect();
    for count in 1..=names.len() {
        for start in 0..=names.len() - count {
            let asked = &names[start..start + count];
            let (samples, skipped) = read_in(&wanted(asked), &[page.as_bytes()]);
            let expected = asked
                .iter()
                .flat_map(|name| [owned(name, &[], 1.0, None), owned(name, &[], 2.0, None)]);
            assert_eq!((samples, skipped), (expected.collect(), 0), "{asked:?}");
        }
    }
}

#[test]
fn a_line_over_the_limit_is_skipped_and_the_next_one_read() {
    let line = |name: &str, length: usize| {
        let padding = length - name.len() - "{l=\"\"} 1".len();
        format!("{name}{{l=\"{}\"}} 1", "x".repeat(padding))
    };
    for (length, name, count, skipped) in [
        (MAX_LINE_BYTES, "wanted_name", 2, 0),
        (MAX_LINE_BYTES + 1, "wanted_name", 1, 1),
        (3 * MAX_LINE_BYTES, "wanted_name", 1, 1),
        (3 * MAX_LINE_BYTES, "unwanted_name", 1, 0),
        // Starts like the wanted one.
        (3 * MAX_LINE_BYTES, "wanted_name_2", 1, 0),
    ] {
        let page = format!("{}\nwanted_name 2\n", line(name, length));
        let names = wanted(&["wanted_name"]);
        let whole = read_in(&names, &[page.as_bytes()]);
        assert_eq!((whole.0.len(), whole.1), (count, skipped), "{length} bytes of {name}");
        for size in [1, 7, 4096, MAX_LINE_BYTES, MAX_LINE_BYTES + 1] {
            let chunks: Vec<&[u8]> = page.as_bytes().chunks(size).collect();
            assert_eq!(read_in(&names, &chunks), whole, "chunks of {size} bytes");
        }
    }
}

#[test]
fn a_label_without_escapes_is_not_copied() {
    let names = wanted(&["q"]);
    Reader::new(&names).feed(b"q{a=\"b\",c=\"\\n\"} 1\n", |sample| {
        assert!(matches!(sample.label("a"), Some(Cow::Borrowed("b"))));
        assert!(matches!(sample.label("c"), Some(Cow::Owned(c)) if c == "\n"));
        assert!(sample.label("d").is_none());
    });
}

#[test]
fn a_name_that_no_metric_has_is_refused() {
    for name in ["", "9a", "a b", "a{", "é", "a.b", "a-b"] {
        assert!(name.parse::<FamilyName>().is_err(), "{name}");
    }
}

/// How a line is written, of the ways that mean the same.
#[derive(Debug, Clone)]
struct Style {
    blank: &'static str,
    exponent: bool,
    trailing_comma: bool,
    exemplar: &'static str,
    end: &'static str,
}

fn style() -> impl Strategy<Value = Style> {
    let blank = prop::sample::select(vec!["", " ", "\t", " \t "]);
    let exemplar = prop::sample::select(vec!["", " # {id=\"x\"} 0.5", " # {} 1 2"]);
    let end = prop::sample::select(vec!["\n", "\r\n", " \n"]);
    (blank, any::<bool>(), any::<bool>(), exemplar, end).prop_map(
        |(blank, exponent, trailing_comma, exemplar, end)| Style {
            blank,
            exponent,
            trailing_comma,
            exemplar,
            end,
        },
    )
}

fn sample() -> impl Strategy<Value = Owned> {
    let name = prop::sample::select(vec!["vllm:waiting", "vllm:wait", "kv", "_"]);
    let label = ("[a-z_][a-z0-9_]{0,5}", "[a-z\\\\\"\n}{,= é\t]{0,8}");
    let value = prop_oneof![any::<f64>(), (0..1000_u32).prop_map(f64::from)];
    let timestamp = prop::option::of(-1_000_000_000_000..1_000_000_000_000_i64);
    (name, vec(label, 0..4), value, timestamp).prop_map(|(name, labels, value, timestamp)| Owned {
        name: name.to_owned(),
        labels,
        // Every NaN is written the same.
        value: if value.is_nan() { f64::NAN } else { value }.to_bits(),
        timestamp: timestamp.map(|time| (time as f64).to_bits()),
    })
}

/// A line that says this.
fn spell(sample: &Owned, style: &Style) -> String {
    let Style { blank, exponent, trailing_comma, exemplar, end } = style;
    let escape = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pair = |(name, value): &(String, String)| {
        format!("{blank}{name}{blank}={blank}\"{}\"{blank}", escape(value))
    };
    let mut labels = sample.labels.iter().map(pair).collect::<Vec<_>>().join(",");
    if *trailing_comma && !labels.is_empty() {
        labels.push(',');
    }
    if *trailing_comma || !labels.is_empty() {
        labels = format!("{blank}{{{labels}{blank}}}");
    }
    let value = f64::from_bits(sample.value);
    let value = if *exponent { format!("{value:e}") } else { format!("{value}") };
    let time = sample.timestamp.map(|time| format!(" {blank}{}", f64::from_bits(time)));
    let name = &sample.name;
    format!("{blank}{name}{labels} {blank}{value}{}{exemplar}{end}", time.unwrap_or_default())
}

/// Cuts the page at these places, given as fractions of its length.
fn cut<'p>(page: &'p [u8], places: &[u16]) -> Vec<&'p [u8]> {
    let mut places: Vec<usize> = places
        .iter()
        .map(|place| page.len() * usize::from(*place) / usize::from(u16::MAX))
        .collect();
    places.sort_unstable();
    let mut from = 0;
    let mut chunks: Vec<&[u8]> = Vec::new();
    for place in places {
        chunks.push(&page[from..place]);
        from = place;
    }
    chunks.push(&page[from..]);
    chunks
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        lines in vec((sample(), style()), 0..12),
        places in vec(any::<u16>(), 0..6),
    ) {
        let names = wanted(&["vllm:waiting", "_", "kv"]);
        let page: String = lines.iter().map(|(sample, style)| spell(sample, style)).collect();
        let samples = lines.into_iter().map(|(sample, _)| sample);
        let expected: Vec<Owned> = samples.filter(|sample| sample.name != "vllm:wait").collect();
        prop_assert_eq!(read_in(&names, &cut(page.as_bytes(), &places)), (expected, 0));
    }

    #[test]
    fn cuts_change_nothing_whatever_the_bytes(
        page in vec(prop_oneof![
            any::<u8>().prop_map(|byte| vec![byte]),
            prop::sample::select(vec![
                "q", "q{", "long:name", "a=\"b\"", "\\", "\"", ",", "}", " 1", "\n", "\r\n", "#",
            ])
            .prop_map(|text| text.as_bytes().to_vec()),
        ], 0..60),
        places in vec(any::<u16>(), 0..6),
    ) {
        let page = page.concat();
        for names in [&["q"][..], &["long:name"], &["q", "long:name"]] {
            let names = wanted(names);
            prop_assert_eq!(read_in(&names, &cut(&page, &places)), read_in(&names, &[&page]));
        }
    }
}
