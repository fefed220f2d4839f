package drivertest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Missing is a reason why a driver may have no device.
type Missing[F any] struct {
	Name     string
	Function F // that fails
	Code     int32
	Want     string // part of the reason
}

// MissingIsNamed tests that discover and open return the reason in each case. fail makes
// a function fail, or none if code is 0.
func MissingIsNamed[F any](t *testing.T, kind string, cases []Missing[F], fail func(code int32, functions ...F), discover func() (found int, missing string), open func(index int) error) {
	for _, c := range cases {
		fail(c.Code, c.Function)
		found, missing := discover()
		require.Zero(t, found, c.Name)
		require.Contains(t, missing, c.Want)
		err := open(0)
		require.ErrorContains(t, err, "there is no device "+kind+":0: ")
		require.ErrorContains(t, err, c.Want)
	}
	fail(0)
	require.ErrorContains(t, open(99), "there is no device "+kind+":99: the last is "+kind+":")
}
