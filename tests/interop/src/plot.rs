//! Two series in one picture, as SVG.

use crate::series::{Sample, Series};
use std::fmt::Write as _;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 56.0;
const TOP: f64 = 34.0;

/// What is drawn of a sample.
type Value = fn(&Sample) -> f64;

struct Panel {
    title: &'static str,
    value: Value,
}

const PANELS: [Panel; 2] = [
    Panel { title: "cwnd, segments", value: |s| f64::from(s.cwnd) },
    Panel { title: "srtt, ms", value: |s| f64::from(s.srtt) / 1000.0 },
];

/// A round number of at least `most`, for the end of an axis.
fn round_up(most: f64) -> f64 {
    let step = 10f64.powf(most.max(1.0).log10().floor()) / 2.0;
    (most / step).ceil() * step
}

/// Windows and RTTs over time: Linux's and ours.
#[must_use]
pub fn svg(title: &str, linux: &Series, ours: &Series) -> String {
    let height = PANELS.len() as f64 * (HEIGHT + TOP + 14.0) + 34.0;
    let seconds = linux.0.last().map_or(1.0, |s| s.at as f64 / 1000.0);
    let mut out = String::new();
    let _ = writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{}" height="{height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
<text x="{LEFT}" y="18" font-size="14">{title}</text>
<text x="{}" y="18" fill="{LINUX}">Linux 6.18</text><text x="{}" y="18" fill="{OURS}">Sockeye</text>"#,
        WIDTH + LEFT + 16.0,
        LEFT + WIDTH - 150.0,
        LEFT + WIDTH - 60.0,
    );
    for (i, panel) in PANELS.iter().enumerate() {
        let top = 34.0 + i as f64 * (HEIGHT + TOP + 14.0) + 10.0;
        let all = linux.0.iter().chain(&ours.0).map(panel.value);
        let most = round_up(all.fold(1.0, f64::max));
        frame(&mut out, panel.title, top, most, seconds);
        for (series, colour) in [(linux, LINUX), (ours, OURS)] {
            let points: Vec<String> = series
                .0
                .iter()
                .map(|s| {
                    let x = LEFT + s.at as f64 / 1000.0 / seconds * WIDTH;
                    let y = top + HEIGHT - (panel.value)(s) / most * HEIGHT;
                    format!("{x:.1},{y:.1}")
                })
                .collect();
            let _ = writeln!(
                out,
                r#"<polyline fill="none" stroke="{colour}" stroke-width="1.2" stroke-opacity="0.85" points="{}"/>"#,
                points.join(" ")
            );
        }
    }
    out.push_str("</svg>\n");
    out
}

const LINUX: &str = "#c2571a";
const OURS: &str = "#1f5fae";

fn frame(out: &mut String, title: &str, top: f64, most: f64, seconds: f64) {
    let bottom = top + HEIGHT;
    let _ = writeln!(
        out,
        r##"<rect x="{LEFT}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#999"/>
<text x="{}" y="{}">{title}</text>"##,
        LEFT + 6.0,
        top + 15.0
    );
    for part in 0..=4 {
        let y = bottom - f64::from(part) / 4.0 * HEIGHT;
        let _ = writeln!(
            out,
            r##"<line x1="{LEFT}" x2="{}" y1="{y}" y2="{y}" stroke="#ddd"/><text x="{}" y="{}" text-anchor="end">{}</text>"##,
            LEFT + WIDTH,
            LEFT - 5.0,
            y + 4.0,
            most * f64::from(part) / 4.0
        );
    }
    let mut s = 0.0;
    while s <= seconds {
        let x = LEFT + s / seconds * WIDTH;
        let _ = writeln!(out, r#"<text x="{x}" y="{}" text-anchor="middle">{s} s</text>"#, bottom + 16.0);
        s += 5.0;
    }
}
