package main

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/goldentest"
)

const tinyGPT = "../../graphs/tiny_gpt.yaml"

func TestASummaryIsATableOfLayers(t *testing.T) {
	code, out, errors := flowrunWith(t, "summary", tinyGPT, "--device", "cpu")
	require.Equal(t, exitDone, code, errors)
	goldentest.Equal(t, "testdata/summary_tiny_gpt.txt", out)
	code, out, errors = flowrunWith(t, "summary", tinyGPT, "--device", "cpu", "--depth", "1", "--size", "time=5")
	require.Equal(t, exitDone, code, errors)
	require.Contains(t, out, "2 × TransformerBlock  f32[32, 5, 32]")
	require.NotContains(t, out, "SelfAttention")
	require.Contains(t, out, "memory of an inference")
}

func TestAnUnequalRepetitionIsShownByItself(t *testing.T) {
	spec := file(t, "a.yaml", `flowrun: 1
modules:
  Cut: {inputs: {x: "f32[n]"}, args: {to: {type: int}}, params: {w: {shape: [n], init: 1}}, output: "slice(x * w, 0, 0, n - 1)"}
model:
  inputs: {x: "f32[3]"}
  nodes: {y: {Cut: x, to: 1, repeat: 2}, z: {Linear: y, out_features: 2, repeat: 3}}
  outputs: [z]
`)
	code, out, errors := flowrunWith(t, "summary", spec, "--device", "cpu")
	require.Equal(t, exitDone, code, errors)
	for _, line := range []string{"[0]      Cut", "[1]      Cut", "[0]      Linear", "[1 … 2]  each Linear"} {
		require.Contains(t, out, line)
	}
}

func TestASummaryFitsItsScreen(t *testing.T) {
	p, err := flowrun.Load(tinyGPT)
	require.NoError(t, err)
	m, err := p.Summarize(flowrun.SummaryOptions{Device: "cpu"})
	require.NoError(t, err)
	table := &modelTable{rows: [][]string{{"layer", "module", "output", "parameters", "trainable", "bytes", "flops"}}}
	table.layers(m.Layers, "", "", 3)
	for width, columns := range map[int]string{0: "layer module output parameters bytes flops", 200: "layer module output parameters bytes flops",
		80: "layer module output parameters flops", 60: "layer output parameters flops", 40: "layer parameters flops"} {
		var out bytes.Buffer
		require.NoError(t, table.write(streams{out: &out}, width))
		head, _, _ := strings.Cut(out.String(), "\n")
		require.Equal(t, columns, strings.Join(strings.Fields(head), " "), "%d columns", width)
		for line := range strings.Lines(out.String()) {
			require.True(t, width == 0 || utf8.RuneCountInString(line)-1 <= width, "%d: %q", width, line)
		}
	}
}

func TestASummaryAsJSONHasEveryLayer(t *testing.T) {
	depth := func(args ...string) int {
		code, out, errors := flowrunWith(t, append([]string{"summary", tinyGPT, "--json", "--device", "cpu"}, args...)...)
		require.Equal(t, exitDone, code, errors)
		var m flowrun.ModelSummary
		d := json.NewDecoder(strings.NewReader(out))
		d.DisallowUnknownFields()
		require.NoError(t, d.Decode(&m))
		require.EqualValues(t, 26464, m.Totals.Parameters)
		return deepest(m.Layers)
	}
	require.Equal(t, 4, depth(), "h, h[0], attn, mixed")
	require.Equal(t, 2, depth("--depth", "1"), "h, h[0]")
	require.Equal(t, 3, depth("--depth", "2"))
	require.Equal(t, 4, depth("--depth", "0"))
}

func deepest(layers []*flowrun.ModelLayer) (most int) {
	for _, l := range layers {
		most = max(most, 1+deepest(l.Layers))
	}
	return most
}

func TestASummaryRefusesWhatItCantShow(t *testing.T) {
	for want, args := range map[string][]string{
		"--size takes NAME=N":                   {tinyGPT, "--size", "time"},
		"got \"time=-1\"":                       {tinyGPT, "--size", "time=-1"},
		"no input has a dimension called \"x\"": {tinyGPT, "--size", "x=1"},
		"--depth is a number of levels":         {tinyGPT, "--depth", "-1"},
		"takes one spec":                        {},
	} {
		code, out, errors := flowrunWith(t, append([]string{"summary"}, args...)...)
		require.Equal(t, exitUsage, code, errors)
		require.Empty(t, out)
		require.Contains(t, errors, want)
	}
}

func TestFlopsHaveThreeDigits(t *testing.T) {
	for want, n := range map[string]int64{"0 flop": 0, "999 flop": 999, "1.00 kflop": 1000, "9.99 kflop": 9994, "10.0 kflop": 9996, "99.9 kflop": 99_940,
		"100 kflop": 99_960, "752 kflop": 751_890, "1.00 Mflop": 999_600, "19.5 Mflop": 19_500_000, "9.22 Eflop": math.MaxInt64} {
		require.Equal(t, want, flopsText(n))
	}
}
