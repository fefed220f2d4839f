package weights

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/flowrun/flowrun/foreign"
)

// ofPyTorch reports whether an index is that of shards in PyTorch's own format.
func (x *index) ofPyTorch() bool {
	return len(x.shardOf) > 0 && !slices.ContainsFunc(slices.Collect(maps.Values(x.shardOf)), func(name string) bool { return path.Ext(name) != ".bin" })
}

// notAnIndex says what a JSON text is that isn't an index of safetensors files.
func notAnIndex(text []byte, path string) error {
	const none = `it is JSON, but no index of weights: it has no "weight_map"`
	sample := foreign.SampleOf(text)
	sample.Name = path
	content, ok := foreign.Weights(sample)
	if !ok || content.Help == foreign.NameWeights {
		return errors.New(none)
	}
	return fmt.Errorf("it is %s", content)
}
