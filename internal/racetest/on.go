//go:build race

package racetest

// Enabled says whether the race detector is there: it slows a step down some fifty
// times, and allocates memory of its own.
const Enabled = true
