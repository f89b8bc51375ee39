//! Making a program small: whatever can be left out is, and numbers become plain.

/// The smallest program found for which `differs` still holds.
pub(super) fn shrink(program: &[String], differs: &dyn Fn(&[String]) -> bool) -> Vec<String> {
    let mut best = program.to_vec();
    let mut step = best.len().next_power_of_two() / 2;
    while step > 0 {
        let mut at = 0;
        while at < best.len() {
            let end = (at + step).min(best.len());
            let without = [&best[..at], &best[end..]].concat();
            if !without.is_empty() && differs(&without) {
                best = without;
            } else {
                at = end;
            }
        }
        step /= 2;
    }
    simplify(best, differs)
}

fn program_opens(line: &str) -> bool {
    line.starts_with("socket")
}

/// Replaces words by simpler ones where the difference stays.
fn simplify(mut best: Vec<String>, differs: &dyn Fn(&[String]) -> bool) -> Vec<String> {
    // Not what a socket is: another family would be another difference.
    for at in 0..best.len() {
        if program_opens(&best[at]) {
            continue;
        }
        let words: Vec<String> = best[at].split(' ').map(str::to_owned).collect();
        for (place, word) in words.iter().enumerate().skip(2) {
            for simpler in ["0", "1", "-"] {
                let worth = word.len() > 1 && !word.contains('/') && word.as_str() != simpler;
                if !worth {
                    continue;
                }
                let mut words: Vec<&str> = best[at].split(' ').collect();
                let before = words[place].to_owned();
                if before != *word {
                    break;
                }
                words[place] = simpler;
                let mut tried = best.clone();
                tried[at] = words.join(" ");
                if differs(&tried) {
                    best = tried;
                    break;
                }
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_stays() {
        let program: Vec<String> = (0..40).map(|i| format!("call {i} 100{i}")).collect();
        let differs = |p: &[String]| {
            p.iter().any(|l| l.starts_with("call 7 ")) && p.iter().any(|l| l.starts_with("call 31 1003"))
        };
        assert_eq!(shrink(&program, &differs), ["call 7 0", "call 31 10031"]);
    }
}
