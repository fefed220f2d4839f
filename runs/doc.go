// Package runs owns the layout of a run's folder: the names of its files, what the two
// JSON files in it say, and how the folder of an active run is made, locked and
// continued.
//
//	DIR/run.json              what the run is, written when it begins: [Info]
//	DIR/spec.yaml             its spec, with overrides applied and imports resolved
//	DIR/metrics.jsonl         loss and metrics, a line every log_every steps
//	DIR/log.txt               progress, notes and messages
//	DIR/checkpoints/          step-….safetensors, best.safetensors
//	DIR/weights.safetensors   the parameters and buffers at its end
//	DIR/summary.json          how it ended: [Summary]; absent while it runs, and after a crash
//
// Each JSON file, the spec and the weights are written whole or not at all. Lines are
// appended to the other two.
package runs

// The names in a run's folder.
const (
	InfoFile    = "run.json"
	SpecFile    = "spec.yaml"
	MetricsFile = "metrics.jsonl"
	LogFile     = "log.txt"
	Checkpoints = "checkpoints" // a folder
	WeightsFile = "weights.safetensors"
	SummaryFile = "summary.json"
)

// Names are all of them.
func Names() []string {
	return []string{InfoFile, SpecFile, MetricsFile, LogFile, Checkpoints, WeightsFile, SummaryFile}
}
