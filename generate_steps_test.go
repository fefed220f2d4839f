package flowrun

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device/sim"
	"github.com/flowrun/flowrun/internal/racetest"
	"github.com/flowrun/flowrun/ir"
)

// cachedModel is a language model of 11 numbers that keeps keys and values.
const cachedModel = `
flowrun: 1
seed: 5
vars: {context: %[1]d, tokens: 11, width: 8}
model:
  inputs: {ids: "i32[batch, time]"}
  nodes:
    tok: {Embedding: ids, num_embeddings: tokens, embedding_dim: width, dtype: %[2]s}
    pos: {Embedding: positions(ids), num_embeddings: context, embedding_dim: width, dtype: %[2]s}
    h: {TransformerBlock: tok + pos, num_heads: 2, is_causal: true, repeat: 2, dtype: %[2]s, context: context}
    norm: {LayerNorm: h, dtype: %[2]s}
    logits: {Linear: norm, out_features: tokens, dtype: %[2]s}
  outputs: [logits]
generate: {context: context}
`

// generatorFrom starts a generator of a spec's text.
func generatorFrom(t testing.TB, text string, options ...StartOption) *Generator {
	p, err := Parse("model.yaml", []byte(text))
	require.NoError(t, err)
	g, err := p.StartGenerator(t.Context(), options...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	return g
}

// someTokens are n tokens of 11.
func someTokens(n int) []int {
	ids := make([]int, n)
	for i := range ids {
		ids[i] = (i*i + 3*i) % 11
	}
	return ids
}

// wholeLogits are the logits after the last token, of all of them at once in a plan without
// states of generation.
func wholeLogits(t testing.TB, p *Program, tokens []int) []float64 {
	ids := ir.NewTensor(Type{DType: ir.I32, Shape: Shape{1, len(tokens)}})
	for i, id := range tokens {
		ids.SetInt(i, int64(id))
	}
	out, err := p.Infer(t.Context(), map[string]*Tensor{"ids": ids}, On("cpu"))
	require.NoError(t, err)
	last := make([]float64, 11)
	for i := range last {
		last[i] = out["logits"].Float(11*(len(tokens)-1) + i)
	}
	return last
}

// Prompts are taken in pieces of 32 tokens and one by one; the context ends before, at and
// after borders of pieces, and is passed.
func TestCachedLogitsAreThoseOfAllTokensAtOnce(t *testing.T) {
	if racetest.Enabled {
		t.Skip("the race detector sees nothing here")
	}
	for _, c := range []struct {
		context int
		dtype   string
		device  string
		within  float64
		prompts []int
	}{
		{66, "f64", "cpu", 1e-12, []int{1, 31, 32, 33, 64, 65, 66}},
		{40, "f32", "cpu", 1e-5, []int{2, 33, 40}},
		{40, "f32", "sim", 1e-5, []int{33, 40}},
		{40, "f32", "opencl", 1e-5, []int{33}},
		{32, "f64", "cpu", 1e-12, []int{31, 32}},
		{2, "f64", "cpu", 1e-12, []int{1, 2}},
	} {
		t.Run(fmt.Sprintf("%d tokens, %s on %s", c.context, c.dtype, c.device), func(t *testing.T) {
			if c.device == "opencl" {
				needsOpenCL(t)
			}
			g := generatorFrom(t, fmt.Sprintf(cachedModel, c.context, c.dtype), On(c.device))
			for _, n := range c.prompts {
				stepsAgree(t, g, n, c.within)
			}
		})
	}
}

// stepsAgree compares the logits after a prompt and after a few more tokens with those of all
// tokens at once.
func stepsAgree(t *testing.T, g *Generator, prompt int, within float64) {
	context := g.model.spec.Context
	seen := someTokens(prompt)
	require.NoError(t, g.model.begin(t.Context(), seen))
	for _, next := range []int{7, 0, 10, 3} {
		want := wholeLogits(t, g.program, seen)
		for i, l := range g.model.logits {
			require.InDelta(t, want[i], l, within, "logit %d after %d tokens of a prompt of %d", i, len(seen), prompt)
		}
		if len(seen) == context { // the later half goes on
			seen = seen[context-max(1, context/2)+1:]
		}
		seen = append(seen[:len(seen):len(seen)], next)
		require.NoError(t, g.model.next(t.Context(), next))
	}
}

func needsOpenCL(t *testing.T) {
	for _, d := range Devices() {
		if d.Kind == "opencl" && d.Missing == "" {
			return
		}
	}
	t.Skip("there is no OpenCL device")
}

func TestModelsWhoseStepsForgetAreRefused(t *testing.T) {
	text := fmt.Sprintf(cachedModel, 8, "f32")
	for name, c := range map[string]struct{ from, to string }{
		"positions that begin anew":    {"positions(ids)", "arange(time)"},
		"a mean of earlier tokens":     {"LayerNorm: h,", `LayerNorm: "h + cumsum(h, 1)",`},
		"the token before, with zeros": {"LayerNorm: h,", `LayerNorm: "h + slice(pad(h, [[0, 0], [1, 0], [0, 0]]), 1, 0, time)",`},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.Replace(text, c.from, c.to, 1)
			require.NotEqual(t, text, changed)
			p, err := Parse("model.yaml", []byte(changed))
			require.NoError(t, err)
			_, err = p.StartGenerator(t.Context(), On("cpu"))
			require.ErrorContains(t, err, "model.yaml: for token 2 of a text, a step that follows others gives other logits than all tokens at once")
		})
	}
	for _, dtype := range []string{"f16", "bf16"} { // rounding isn't forgetting
		generatorFrom(t, fmt.Sprintf(cachedModel, 8, dtype), On("cpu"))
	}
}

var errPlanted = errors.New("planted")

// plant makes the sim devices of all steps of a generator fail from the n-th event of theirs
// on, once, and counts events.
func plant(g *Generator, n int) (events *int) {
	events = new(int)
	for _, q := range g.model.pieces {
		for _, d := range q.machine.devices {
			if d, ok := d.(*sim.Device); ok {
				d.Inject(func(sim.Event) error {
					if *events++; *events == n {
						return errPlanted
					}
					return nil
				})
			}
		}
	}
	return events
}

// Each call of the devices of an answer fails once: while pieces of the prompt are taken,
// when the states move from one step to the other, and when tokens are generated. The
// error is the device's, the answer is as far as it has come, and the next one is right.
func TestAfterAFaultTheNextAnswerIsRight(t *testing.T) {
	if racetest.Enabled {
		t.Skip("the race detector sees nothing here")
	}
	for name, text := range map[string]string{
		"cached": fmt.Sprintf(cachedModel, 40, "f32"),
		"whole":  strings.NewReplacer(", context: context}\n    norm", "}\n    norm", "positions(ids)", "arange(time)").Replace(fmt.Sprintf(cachedModel, 40, "f32")),
	} {
		t.Run(name, func(t *testing.T) {
			g := generatorFrom(t, text, On("sim"))
			require.Equal(t, name == "cached", g.Cached())
			prompt := strings.Trim(fmt.Sprint(someTokens(33)), "[]")
			answer := func() (*Generation, error) {
				return g.Generate(t.Context(), prompt, GenerateOptions{MaxTokens: 3}, nil)
			}
			want, err := answer()
			require.NoError(t, err)
			events := plant(g, 0)
			_, err = answer()
			require.NoError(t, err)
			all := *events
			require.Greater(t, all, 10)
			for n := 1; n <= all; n += max(1, all/40) {
				plant(g, n)
				got, err := answer()
				require.ErrorIs(t, err, errPlanted, "call %d of %d", n, all)
				require.Equal(t, fmt.Sprint(want.Tokens[:len(got.Tokens)]), fmt.Sprint(got.Tokens))
				plant(g, 0)
				got, err = answer()
				require.NoError(t, err, "after a fault in call %d of %d", n, all)
				require.Equal(t, want.Tokens, got.Tokens)
			}
		})
	}
}

func TestCloseEndsTheTextAndThoseThatWait(t *testing.T) {
	g := generatorFrom(t, fmt.Sprintf(cachedModel, 8, "f32"), On("cpu"))
	endless := GenerateOptions{MaxTokens: math.MaxInt, Temperature: 1}
	begun := make(chan struct{})
	type ending struct {
		answer *Generation
		err    error
	}
	first, second := make(chan ending, 1), make(chan ending, 1)
	go func() {
		once := begun
		answer, err := g.Generate(context.Background(), "1", endless, func(string) error {
			if once != nil {
				close(once)
				once = nil
			}
			return nil
		})
		first <- ending{answer, err}
	}()
	<-begun
	go func() {
		answer, err := g.Generate(context.Background(), "2", endless, nil)
		second <- ending{answer, err}
	}()
	soon, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	waited, err := g.Generate(soon, "3", endless, nil)
	require.NoError(t, err, "its turn never came")
	require.Equal(t, StoppedInterrupted, waited.Stopped)
	require.Empty(t, waited.Tokens)
	require.NoError(t, g.Close())
	for _, ended := range []ending{<-first, <-second} {
		require.ErrorIs(t, ended.err, ErrClosed)
	}
	require.NoError(t, g.Close())
	_, err = g.Generate(t.Context(), "1", endless, nil)
	require.ErrorIs(t, err, ErrClosed)
}

func TestAGeneratorThatNobodyStartedSaysSo(t *testing.T) {
	for _, g := range []*Generator{nil, {}} {
		_, err := g.Generate(t.Context(), "1", GenerateOptions{MaxTokens: 1}, nil)
		require.ErrorContains(t, err, "StartGenerator makes one")
		require.NoError(t, g.Close())
		require.Empty(t, g.Device())
		require.False(t, g.Cached())
	}
}

// The step for pieces of a prompt is made when the first long prompt comes; where that
// fails, half a step must not be left.
func TestAStepThatCouldntBeMadeIsMadeForTheNextText(t *testing.T) {
	g := generatorFrom(t, fmt.Sprintf(cachedModel, 40, "f32"), On("cpu"))
	prompt := strings.Trim(fmt.Sprint(someTokens(33)), "[]")
	o := GenerateOptions{MaxTokens: 2}
	right := g.model.weights["logits.bias"]
	g.model.weights["logits.bias"] = ir.FromFloat32(Shape{1}, []float32{0})
	for range 2 {
		_, err := g.Generate(t.Context(), prompt, o, nil)
		require.ErrorContains(t, err, "logits.bias")
	}
	g.model.weights["logits.bias"] = right
	got, err := g.Generate(t.Context(), prompt, o, nil)
	require.NoError(t, err)
	want, err := generatorFrom(t, fmt.Sprintf(cachedModel, 40, "f32"), On("cpu")).Generate(t.Context(), prompt, o, nil)
	require.NoError(t, err)
	require.Equal(t, want.Tokens, got.Tokens)
}
