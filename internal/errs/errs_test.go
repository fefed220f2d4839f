package errs

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnErrorIsToldOnce(t *testing.T) {
	full, gone := errors.New("disk full"), errors.New("gone")
	write := fmt.Errorf("the log: %w", full)
	require.NoError(t, Join(nil, nil))
	require.EqualError(t, Join(nil, full, nil), "disk full")
	require.EqualError(t, Join(write, full, full), "the log: disk full")
	require.EqualError(t, Join(write, gone, full), "the log: disk full\ngone")
	again := errors.New("disk full")
	require.EqualError(t, Join(full, errors.Join(full, again), again, errors.Join(nil, errors.Join(again, gone))), "disk full\ngone")
	require.EqualError(t, Join(full, fmt.Errorf("both: %w, %w", full, gone)), "disk full\nboth: disk full, gone")
}
