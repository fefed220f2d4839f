package place

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDurationsHaveTwoDigits(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0s", 42: "42ns", 1234: "1.2µs", 99_900: "100µs", 7_654_321: "7.7ms", 3 * time.Second: "3s"} {
		require.Equal(t, want, About(d), fmt.Sprint(int64(d)))
	}
}
