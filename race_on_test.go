//go:build race

package flowrun_test

// The race detector slows a step down some fifty times.
const raceDetector = true
