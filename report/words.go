package report

import (
	"cmp"
	"time"

	"github.com/flowrun/flowrun/engine"
)

// How what is in the folders of runs is shown: as while they run.

// Count writes 35112 as "35,112".
func Count(n int64) string { return formatCount(n) }

// Metric writes a metric with four digits.
func Metric(v float64) string { return formatMetric(v) }

// Duration writes "28ms", "0.2s", "12.3s", "2m5s", "3h0m10s".
func Duration(d time.Duration) string { return formatDuration(d) }

// Reason says in words why a run stopped.
func Reason(why string) string { return cmp.Or(stopped[engine.StopReason(why)], why) }
