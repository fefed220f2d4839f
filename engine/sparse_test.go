package engine_test

import "github.com/flowrun/flowrun/internal/racetest"

// sparse is by how much tests are thinned that do much the same many times over: 1, or more
// with the race detector, which makes them ten times slower, and sees nothing new in the next
// call that fails or in the next step.
func sparse() int {
	if racetest.Enabled {
		return 5
	}
	return 1
}
