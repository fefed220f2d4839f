// Package racetest tells tests whether they run with the race detector, and scripts/test
// which packages it runs it on: packages.txt, which a test keeps.
package racetest
