//go:build !race

package flowrun_test

const raceDetector = false
