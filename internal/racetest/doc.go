// Package racetest tells tests whether they run with the race detector.
package racetest
