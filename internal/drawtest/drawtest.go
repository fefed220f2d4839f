// Package drawtest helps tests whose inputs are drawn.
package drawtest

import (
	"testing"

	"pgregory.net/rapid"
)

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
