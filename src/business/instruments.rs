//! What the instruments of all areas share.

/// Upper bounds in seconds for calculations. Chosen: from a look-up in memory to a simulation of five minutes, with
/// the guide's edges between a quarter of a second and one second.
pub(super) const CALCULATION_EDGES: &[f64] =
    &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
