// Package drawtest helps tests whose inputs are drawn.
package drawtest

import (
	"flag"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// Draws makes properties of this test be checked with so many draws, where each takes
// long; the command line's -rapid.checks otherwise says how many.
func Draws(t *testing.T, n int) {
	t.Helper()
	checks := flag.Lookup("rapid.checks")
	before := checks.Value.String()
	if err := checks.Value.Set(strconv.Itoa(n)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = checks.Value.Set(before) }) // it took it before
}

// rounds is how often Until checks at most: where a round shows something every
// second time, it is missed once in a million times.
const rounds = 20

// Until checks a property as rapid.Check does, again and again until the draws have
// shown what the property is about. If they never do, the property has said nothing,
// and the test fails: what says what is missing.
func Until(t *testing.T, shown func() bool, what string, property func(*rapid.T)) {
	t.Helper()
	for range rounds {
		rapid.Check(t, property)
		if t.Failed() || shown() {
			return
		}
	}
	t.Fatalf("in %d rounds of draws %s", rounds, what)
}
