package main

import (
	"time"

	"github.com/flowrun/flowrun/runs"
)

// What --json writes of runs.
type (
	runsJSON struct {
		Runs []runJSON `json:"runs"`
		// Differ are the settings that differ: vars, seed, device, …
		Differ []string `json:"differ"`
		// Specs are the keys in which the rendered specs differ besides.
		Specs   []specKeyJSON  `json:"specs"`
		Skipped []runs.Skipped `json:"skipped"`
	}
	runJSON struct {
		Dir      string                `json:"dir"`
		Name     string                `json:"name"` // in this comparison
		State    runs.State            `json:"state"`
		PID      int                   `json:"pid,omitempty"`
		Settings map[string]string     `json:"settings"`
		Steps    *int64                `json:"steps"`
		Seconds  *float64              `json:"seconds"`
		Best     *runs.Best            `json:"best"`
		Last     map[string]*float64   `json:"last"`
		Metrics  map[string]seriesJSON `json:"metrics,omitempty"` // those asked for
		Newest   string                `json:"newest_checkpoint,omitempty"`
		BestFile string                `json:"best_checkpoint,omitempty"`
		Weights  string                `json:"weights,omitempty"`
		Problems []string              `json:"problems"`
		Info     *runs.Info            `json:"info"`
		Summary  *runs.Summary         `json:"summary"`
	}
	specKeyJSON struct {
		Key    string     `json:"key"`
		Values []keyValue `json:"values"`
	}
	seriesJSON struct {
		Count     int64      `json:"count"`
		NonFinite int64      `json:"nonfinite"`
		First     pointJSON  `json:"first"`
		Last      pointJSON  `json:"last"`
		Min       *pointJSON `json:"min"`
		Max       *pointJSON `json:"max"`
	}
	pointJSON struct {
		Step  float64  `json:"step"`
		Value *float64 `json:"value"`
	}
)

func (c *comparison) json(skipped []runs.Skipped) runsJSON {
	all := runsJSON{Runs: []runJSON{}, Differ: append([]string{}, c.columns...), Specs: []specKeyJSON{}, Skipped: append([]runs.Skipped{}, skipped...)}
	for _, e := range c.all {
		all.Runs = append(all.Runs, e.json(c.metrics))
	}
	for _, key := range c.specs {
		all.Specs = append(all.Specs, specKeyJSON{key, c.valuesOf(key)})
	}
	return all
}

func (e *entry) json(metrics []string) runJSON {
	r := e.run
	j := runJSON{Dir: r.Dir, Name: e.name, State: r.State, PID: r.PID, Settings: e.settings, Best: e.best(), Last: map[string]*float64{},
		Newest: r.Newest, BestFile: r.Best, Weights: r.Weights, Problems: append([]string{}, r.Problems...), Info: r.Info, Summary: r.Summary}
	if steps := e.steps(); steps >= 0 {
		j.Steps = &steps
	}
	if took := e.took(); took >= 0 {
		seconds := float64(took) / float64(time.Second)
		j.Seconds = &seconds
	}
	for name, v := range e.last {
		if name != "step" {
			j.Last[name] = finite(v)
		}
	}
	for _, name := range metrics {
		if s := e.find(name); s != nil {
			if j.Metrics == nil {
				j.Metrics = map[string]seriesJSON{}
			}
			j.Metrics[name] = seriesJSON{s.Count, s.NonFinite, *point(s.First), *point(s.Last), extreme(s.Min), extreme(s.Max)}
		}
	}
	return j
}

func point(p runs.Point) *pointJSON { return &pointJSON{p.Step, finite(p.Value)} }

// extreme is nil where no value is a number.
func extreme(p runs.Point) *pointJSON {
	if finite(p.Value) == nil {
		return nil
	}
	return point(p)
}
