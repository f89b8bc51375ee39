use super::*;

fn source(parts: &[&str], at: &[usize]) -> String {
    let io: Vec<IoSlice<'_>> = parts.iter().map(|p| IoSlice::new(p.as_bytes())).collect();
    let mut src = IovSource::new(&io);
    let mut out = String::new();
    for &n in at {
        let mut buf = vec![0; n];
        let got = src.copy_to(&mut buf);
        buf.truncate(got);
        out += std::str::from_utf8(&buf).unwrap();
        out.push('|');
    }
    out
}

#[test]
fn a_source_runs_over_its_pieces() {
    assert_eq!(source(&["hello"], &[2, 9, 1]), "he|llo||");
    assert_eq!(source(&["he", "", "llo"], &[3, 1, 5]), "hel|l|o|");
    assert_eq!(source(&["", ""], &[3]), "|");
    assert_eq!(source(&[], &[3]), "|");
}

#[test]
fn a_source_turns_back_and_stops() {
    let io = [IoSlice::new(b"abc"), IoSlice::new(b""), IoSlice::new(b"defg")];
    let mut src = IovSource::new(&io);
    let mut buf = [0; 5];
    assert_eq!(src.copy_to(&mut buf), 5);
    src.revert(3);
    assert_eq!(src.remaining(), 5);
    assert_eq!(src.next_chunk(), b"c");
    src.truncate(3);
    src.advance(1);
    assert_eq!(src.next_chunk(), b"de");
    assert_eq!(src.copy_to(&mut buf), 2);
    assert_eq!(src.next_chunk(), b"");
    src.revert(99);
    assert_eq!((src.remaining(), src.next_chunk()), (5, &b"abc"[..]));
}

#[test]
fn a_sink_fills_its_pieces() {
    let (mut a, mut b, mut c) = ([0; 2], [0; 0], [0; 3]);
    let mut io = [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b), IoSliceMut::new(&mut c)];
    let mut sink = IovSink::new(&mut io);
    assert_eq!(sink.remaining(), 5);
    assert_eq!(sink.copy_from(b"x"), 1);
    assert_eq!(sink.copy_from(b"yz"), 2);
    sink.revert(2);
    assert_eq!(sink.remaining(), 4);
    assert_eq!(sink.next_chunk().len(), 1);
    assert_eq!(sink.copy_from(b"12345"), 4);
    assert_eq!(sink.next_chunk().len(), 0);
    assert_eq!((&a, &c), (b"x1", b"234"));
}

#[test]
fn a_sink_of_one_piece() {
    let mut buf = [0; 4];
    let mut sink = IovSink::from_slice(&mut buf);
    sink.truncate(3);
    sink.next_chunk()[..2].copy_from_slice(b"ab");
    sink.advance(2);
    assert_eq!(sink.copy_from(b"cdef"), 1);
    sink.revert(1);
    assert_eq!(sink.copy_from(b"z"), 1);
    assert_eq!(&buf, b"abz\0");
}

#[test]
fn a_list_somebody_else_borrowed() {
    fn fill(bufs: &mut [IoSliceMut<'_>]) -> usize {
        let mut bufs = bufs;
        IovSink::new(&mut bufs).copy_from(b"0123")
    }
    let (mut a, mut b) = ([0; 1], [0; 2]);
    assert_eq!(fill(&mut [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)]), 3);
    assert_eq!((a, b), ([b'0'], [b'1', b'2']));
}

use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Copy(usize),
    Advance(usize),
    Revert(usize),
    Chunk,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..12usize).prop_map(Step::Copy),
        2 => (0..12usize).prop_map(Step::Advance),
        2 => (0..40usize).prop_map(Step::Revert),
        1 => Just(Step::Chunk),
    ];
    proptest::collection::vec(step, 0..20)
}

proptest! {
    /// Whatever the pieces, a source is one run of bytes with a position, and so is a sink.
    #[test]
    fn pieces_do_not_show(sizes in proptest::collection::vec(0..8usize, 0..6), steps in steps()) {
        let mut n = 0;
        let pieces: Vec<Vec<u8>> = sizes
            .iter()
            .map(|&size| (0..size).map(|_| { n += 1; n }).collect())
            .collect();
        let flat: Vec<u8> = pieces.concat();
        let io: Vec<IoSlice<'_>> = pieces.iter().map(|p| IoSlice::new(p)).collect();
        let mut source = IovSource::new(&io);
        let mut filled: Vec<Vec<u8>> = sizes.iter().map(|&size| vec![0; size]).collect();
        let mut sink = IovSink::new(&mut filled);
        let mut model = vec![0; flat.len()];
        let mut at = 0;
        for step in steps {
            prop_assert_eq!((source.remaining(), sink.remaining()), (flat.len() - at, flat.len() - at));
            match step {
                Step::Copy(n) => {
                    let mut buf = vec![0; n];
                    let got = source.copy_to(&mut buf);
                    prop_assert_eq!(&buf[..got], &flat[at..(at + n).min(flat.len())]);
                    prop_assert_eq!(sink.copy_from(&buf[..got]), got);
                    model[at..at + got].copy_from_slice(&buf[..got]);
                    at += got;
                }
                Step::Advance(n) => {
                    source.advance(n);
                    sink.advance(n);
                    at = (at + n).min(flat.len());
                }
                Step::Revert(n) => {
                    source.revert(n);
                    sink.revert(n);
                    at = at.saturating_sub(n);
                }
                Step::Chunk => {
                    let chunk = source.next_chunk();
                    prop_assert_eq!(chunk, &flat[at..at + chunk.len()]);
                    prop_assert_eq!(chunk.is_empty(), at == flat.len());
                    prop_assert_eq!(sink.next_chunk().len(), chunk.len());
                }
            }
        }
        prop_assert_eq!(filled.concat(), model);
    }
}
