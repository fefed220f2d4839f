package place

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
)

func TestDurationsHaveTwoDigits(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0s", 42: "42ns", 1234: "1.2µs", 99_900: "100µs", 7_654_321: "7.7ms", 3 * time.Second: "3s"} {
		require.Equal(t, want, About(d), fmt.Sprint(int64(d)))
	}
}

func TestThreadsShareWhatKeepsThemBusy(t *testing.T) {
	one := device.Speed{Flops: 1e9}
	four := device.Speed{Flops: 4e9, Threads: 4, Part: 20 * time.Microsecond}
	for microseconds, want := range map[float64]float64{5: 5, 20: 20, 40: 20, 80: 20, 100: 25, 4000: 1000} {
		flops := microseconds * 1e3
		require.InDelta(t, microseconds, arithmetic(flops, one)*1e6, 1e-9)
		require.InDelta(t, want, arithmetic(flops, four)*1e6, 1e-9, "%v µs on one thread", microseconds)
	}
}
