package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What --seed and --max-steps make of a text is what the keys make of it.
func TestFlagsAcceptTheSameValuesAsTheirKeys(t *testing.T) {
	const text = "flowrun: 1\nseed: %\ndata: {d: {generate: {x: \"normal(0, 1, [4])\"}}}\nmodel:\n  inputs: {x: \"f32[4]\"}\n  nodes: {y: {Linear: x, out_features: 1}}\n  outputs: [y]\n" +
		"train: {data: d, loss: mean(y * y), optimizer: {SGD: {lr: 0.1}}, max_steps: 20}\n"
	result := func(args ...string) (int, string) {
		code, out, _ := flowrunWith(t, append(args, "--json")...)
		_, out, _ = strings.Cut(out, `"metrics"`) // past names and times
		out, _, _ = strings.Cut(out, `"peak_bytes"`)
		return code, out
	}
	base := file(t, "base.yaml", strings.Replace(text, "%", "1", 1))
	for _, number := range []string{"010", "08", "0o17", "0x1F", "1e1", "+5", "12.0", "1_000", "0b11", "1.5", ".inf", "1e400", "1e-400", "none", "99999999999999999999"} {
		inFile, want := result(file(t, "a.yaml", strings.Replace(text, "%", number, 1)))
		flag, got := result(base, "--seed", number)
		require.Equal(t, want, got, number)
		require.Equal(t, inFile == exitDone, flag == exitDone, number)

		steps := file(t, "b.yaml", strings.NewReplacer("%", "1", "max_steps: 20", "max_steps: "+number).Replace(text))
		inFile, want = result(steps)
		flag, got = result(base, "--max-steps", number)
		require.Equal(t, want, got, number)
		require.Equal(t, inFile == exitDone, flag == exitDone, number)
	}
}
