package e2e_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/ir"
)

// A small language model of numbers. Its cached form keeps keys and values.
const languageModel = `
flowrun: 1
seed: 5
vars: {context: %[1]d, tokens: 11, width: 8}
model:
  inputs: {ids: "i32[batch, time]"}
  nodes:
    tok: {Embedding: ids, num_embeddings: tokens, embedding_dim: width, dtype: %[3]s}
    pos: {Embedding: %[2]s, num_embeddings: context, embedding_dim: width, dtype: %[3]s}
    h: {TransformerBlock: tok + pos, num_heads: 2, is_causal: true, repeat: 2, dtype: %[3]s%[4]s}
    norm: {LayerNorm: h, dtype: %[3]s}
    logits: {Linear: norm, out_features: tokens, dtype: %[3]s}
  outputs: [logits]
data:
  d: {generate: {ids: "randint(0, tokens, [2, context])"}}
train:
  data: d
  loss: mean(square(logits))
  optimizer: {SGD: {lr: 0.1}}
  max_steps: 2
generate: {context: context}
`

func modelOf(t testing.TB, context int, dtype string, cached bool) *flowrun.Program {
	t.Helper()
	positions, keep := "arange(time)", ""
	if cached {
		positions, keep = "positions(ids)", ", context: context"
	}
	p, err := flowrun.Parse("model.yaml", fmt.Appendf(nil, languageModel, context, positions, dtype, keep))
	require.NoError(t, err)
	return p
}

func generatorOf(t *testing.T, p *flowrun.Program, options ...flowrun.StartOption) *flowrun.Generator {
	t.Helper()
	g, err := p.StartGenerator(context.Background(), options...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	return g
}

// prompts have the lengths around the borders of pieces, of 32 tokens, and of the context.
func prompts(context int) (all []string) {
	for _, n := range []int{1, 2, 31, 32, 33, 64, context - 1, context, context + 5} {
		if n < 1 {
			continue
		}
		words := make([]string, n)
		for i := range words {
			words[i] = fmt.Sprint((i*i + 3*i) % 11)
		}
		all = append(all, strings.Join(words, " "))
	}
	return all
}

// greedy computes an answer from whole prefixes with Infer, the logits of each token in
// float64 where the model is: the window is dealt with as the documentation says.
func greedy(t *testing.T, p *flowrun.Program, context int, prompt string, n int) (tokens []int) {
	t.Helper()
	var window []int64
	for _, word := range strings.Fields(prompt) {
		var id int64
		_, err := fmt.Sscan(word, &id)
		require.NoError(t, err)
		window = append(window, id)
	}
	window = window[max(0, len(window)-context):]
	for range n {
		ids := ir.FromInt64(ir.I32, ir.Shape{1, len(window)}, window)
		out, err := p.Infer(t.Context(), map[string]*flowrun.Tensor{"ids": ids}, flowrun.On("cpu"))
		require.NoError(t, err)
		logits, best := out["logits"], 0
		row := (len(window) - 1) * 11
		for i := range 11 {
			if logits.Float(row+i) > logits.Float(row+best) {
				best = i
			}
		}
		tokens = append(tokens, best)
		if len(window) == context {
			window = append(window[:0:0], window[context-max(1, context/2)+1:]...)
		}
		window = append(window, int64(best))
	}
	return tokens
}

func TestACachedAnswerIsThatOfWholePrefixes(t *testing.T) {
	for _, c := range []struct {
		context int
		dtype   string
	}{{40, "f64"}, {64, "f32"}, {8, "f64"}, {1, "f64"}, {2, "f32"}} {
		reference := modelOf(t, c.context, c.dtype, false)
		for _, cached := range []bool{true, false} {
			p := modelOf(t, c.context, c.dtype, cached)
			for _, device := range []string{"cpu", "sim"} {
				if device == "sim" && c.context != 40 {
					continue
				}
				g := generatorOf(t, p, flowrun.On(device))
				require.Equal(t, cached, g.Cached())
				for _, prompt := range prompts(c.context) {
					answer, err := g.Generate(t.Context(), prompt, flowrun.GenerateOptions{MaxTokens: 12}, nil)
					require.NoError(t, err)
					require.Equal(t, greedy(t, reference, c.context, prompt, 12), answer.Tokens, "%d %s %v %s %q", c.context, c.dtype, cached, device, prompt)
				}
			}
		}
	}
}

func TestAnAnswerDependsOnTheSeedAndNothingElse(t *testing.T) {
	p := modelOf(t, 40, "f32", true)
	o := p.GenerateOptions()
	require.EqualValues(t, 5, o.Seed)
	o.MaxTokens = 30
	g := generatorOf(t, p)
	ask := func(o flowrun.GenerateOptions, prompt string) string {
		answer, err := g.Generate(t.Context(), prompt, o, nil)
		require.NoError(t, err)
		return answer.Text
	}
	first := ask(o, "1 2 3")
	ask(o, "7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7")
	require.Equal(t, first, ask(o, "1 2 3"), "what was asked before counts")
	var parts strings.Builder
	answer, err := generatorOf(t, p).Generate(t.Context(), "1 2 3", o, func(s string) error { parts.WriteString(s); return nil })
	require.NoError(t, err)
	require.Equal(t, first, answer.Text)
	require.Equal(t, first, parts.String())
	o.Seed++
	require.NotEqual(t, first, ask(o, "1 2 3"))
}

func TestGenerationChangesNoOtherState(t *testing.T) {
	text := strings.Replace(fmt.Sprintf(languageModel, 8, "positions(ids)", "f32", ", context: context"),
		"norm: {LayerNorm: h, dtype: f32}", "mean: ema(mean(h), 0.5)\n    bn: {BatchNorm: \"reshape(h, [batch * time, width])\"}\n    norm: reshape(bn, [batch, time, width]) + 0 * mean", 1)
	p, err := flowrun.Parse("model.yaml", []byte(text))
	require.NoError(t, err)
	s, err := p.Start(t.Context(), flowrun.On("cpu"))
	require.NoError(t, err)
	_, err = s.Run(t.Context())
	require.NoError(t, err)
	weights, err := s.Weights()
	require.NoError(t, err)
	require.NoError(t, s.Close())
	for name := range weights.Tensors { // neither training nor its weights have the states of generation
		require.NotContains(t, name, "keys")
		require.NotContains(t, name, "seen")
	}
	g := generatorOf(t, p, flowrun.WithWeights(weights))
	o := flowrun.GenerateOptions{MaxTokens: 20}
	first, err := g.Generate(t.Context(), "1 2 3", o, nil)
	require.NoError(t, err)
	again, err := g.Generate(t.Context(), "1 2 3", o, nil)
	require.NoError(t, err)
	require.Equal(t, first.Tokens, again.Tokens)
}

func TestAModelThatSeesLaterTokensIsRefused(t *testing.T) {
	text := strings.Replace(fmt.Sprintf(languageModel, 8, "arange(time)", "f32", ""), "is_causal: true", "is_causal: false", 1)
	p, err := flowrun.Parse("model.yaml", []byte(text))
	require.NoError(t, err)
	_, err = generatorOf(t, p).Generate(t.Context(), "1 2", flowrun.GenerateOptions{MaxTokens: 3}, nil)
	require.ErrorContains(t, err, "the logits of a position depend on later tokens")
}

func TestLogitsThatAreNoNumbersEndAnAnswer(t *testing.T) {
	p := modelOf(t, 8, "f32", true)
	s, err := p.Start(t.Context(), flowrun.On("cpu"))
	require.NoError(t, err)
	weights, err := s.Weights()
	require.NoError(t, err)
	require.NoError(t, s.Close())
	weights.Tensors["logits.bias"].SetFloat(4, math.NaN())
	_, err = generatorOf(t, p, flowrun.WithWeights(weights)).Generate(t.Context(), "1 2", p.GenerateOptions(), nil)
	require.EqualError(t, err, "after 2 tokens of the prompt and 0 of the answer: the logit of token 4 is NaN")
}

func TestAnAnswerCanBeEnded(t *testing.T) {
	p := modelOf(t, 8, "f32", true)
	g := generatorOf(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	answer, err := g.Generate(ctx, "1", flowrun.GenerateOptions{MaxTokens: 1 << 40, Temperature: 1}, func(string) error {
		if n++; n == 5 {
			cancel()
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, flowrun.StoppedInterrupted, answer.Stopped)
	require.Len(t, answer.Tokens, 5)
	require.Len(t, strings.Fields(answer.Text), 5)

	broken := os.ErrClosed
	answer, err = g.Generate(t.Context(), "1", flowrun.GenerateOptions{MaxTokens: 9}, func(string) error { return broken })
	require.ErrorIs(t, err, broken)
	require.Len(t, answer.Tokens, 1)

	whole, err := g.Generate(t.Context(), "1", flowrun.GenerateOptions{MaxTokens: 9}, nil)
	require.NoError(t, err)
	require.Equal(t, flowrun.StoppedMaxTokens, whole.Stopped)
	words := strings.Fields(whole.Text)
	stop := words[3] + " " + words[4]
	stopped, err := g.Generate(t.Context(), "1", flowrun.GenerateOptions{MaxTokens: 9, Stop: []string{"no", stop}}, nil)
	require.NoError(t, err)
	require.Equal(t, flowrun.StoppedText, stopped.Stopped)
	require.Equal(t, stop, stopped.Stop)
	require.Equal(t, whole.Text[:strings.Index(whole.Text, stop)], stopped.Text)
}

func TestWhatIsAskedWronglyIsAnError(t *testing.T) {
	p := modelOf(t, 8, "f32", true)
	g := generatorOf(t, p)
	for prompt, want := range map[string]string{
		"":       "the prompt is empty",
		" \n":    "the prompt is empty",
		"1 11":   `the prompt: token 2: "11"; the spec has no text whose tokens the model takes, so a prompt is ids from 0 to 10 with spaces between them`,
		"1 x":    `token 2: "x"`,
		"1 -1 3": `token 2: "-1"`,
	} {
		_, err := g.Generate(t.Context(), prompt, p.GenerateOptions(), nil)
		require.ErrorContains(t, err, want)
	}
	for want, o := range map[string]flowrun.GenerateOptions{
		"the maximum number of tokens must be at least 1, got 0": {},
		"the temperature must be finite and at least 0, got -1":  {MaxTokens: 1, Temperature: -1},
		"an empty text can't stop an answer: it is everywhere":   {MaxTokens: 1, Stop: []string{""}},
		"top-p must be above 0 and at most 1, got 2":             {MaxTokens: 1, TopP: 2},
		"top-k must be at least 0 (0: all tokens), got -2":       {MaxTokens: 1, TopK: -2},
	} {
		_, err := g.Generate(t.Context(), "1", o, nil)
		require.EqualError(t, err, want)
	}
	require.NoError(t, g.Close())
	_, err := g.Generate(t.Context(), "1", p.GenerateOptions(), nil)
	require.ErrorIs(t, err, flowrun.ErrClosed)
	plain, err := flowrun.Parse("plain.yaml", []byte("flowrun: 1\nmodel: {nodes: {y: \"ones([1])\"}, outputs: [y]}\n"))
	require.NoError(t, err)
	_, err = plain.StartGenerator(t.Context())
	require.EqualError(t, err, "plain.yaml has no generate section: add one, generate: {context: N}, that says how many tokens the model sees")
}

// textModel is a spec of a text, with a model that knows no positions.
func textModel(t *testing.T, text, keys string) *flowrun.Program {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "book.txt"), []byte(text), 0o600))
	path := filepath.Join(dir, "spec.yaml")
	require.NoError(t, os.WriteFile(path, []byte(`
flowrun: 1
vars: {tokens: 260}
data:
  book:
    text: book.txt
    `+keys+`
    fields: {ids: {type: "i32[4]"}, next_ids: {type: "i32[4]", offset: 1}}
    batch: 2
model:
  inputs: {ids: "i32[batch, time]"}
  nodes:
    e: {Embedding: ids, num_embeddings: tokens, embedding_dim: 4}
    logits: {Linear: e, out_features: tokens}
  outputs: [logits]
train:
  data: book
  loss: cross_entropy(reshape(logits, [-1, tokens]), reshape(next_ids, [-1]))
  optimizer: {SGD: {lr: 0.1}}
  max_steps: 1
generate: {context: 6}
`), 0o600))
	p, err := flowrun.Load(path)
	require.NoError(t, err)
	return p
}

func TestAnAnswerHasOnlyCharactersOfTheVocabulary(t *testing.T) {
	p := textModel(t, strings.Repeat("Grüße, 東京!\n", 9), "tokens: characters\n    vocabulary: 20")
	g := generatorOf(t, p)
	o := flowrun.GenerateOptions{MaxTokens: 200, Temperature: 100}
	answer, err := g.Generate(t.Context(), "Grüße", o, nil)
	require.NoError(t, err)
	require.Equal(t, 5, answer.PromptTokens)
	require.Len(t, []rune(answer.Text), 200)
	for _, r := range answer.Text {
		require.Contains(t, "Grüße, 東京!\n", string(r))
	}
	_, err = g.Generate(t.Context(), "Gr\nüx", o, nil)
	require.EqualError(t, err, `the prompt: line 2, character 2: "x" (U+0078) is none of the 11 values of the field ids that the training data has: "\n", " ", "!", ",", "G", "e", "r", "ß", …; declare an id for unknown ones, or remove it`)
	_, err = g.Generate(t.Context(), "Gr\xff", o, nil)
	require.EqualError(t, err, "the prompt: line 1, character 3: the byte 0xff isn't UTF-8")
}

func TestUnknownCharactersOfAPromptHaveTheirId(t *testing.T) {
	p := textModel(t, strings.Repeat("aaabbbc", 9), "tokens: characters\n    vocabulary: 3\n    unknown: 1")
	answer, err := generatorOf(t, p).Generate(t.Context(), "axyb", flowrun.GenerateOptions{MaxTokens: 50, Temperature: 50}, nil)
	require.NoError(t, err)
	require.Equal(t, 2, answer.Unknown)
	require.NotContains(t, answer.Tokens, 1)
	require.Empty(t, strings.Trim(answer.Text, "ab"))
}

func TestBytesAreAnsweredAsWholeCharacters(t *testing.T) {
	p := textModel(t, "Grüße, 東京!", "tokens: bytes")
	var parts []string
	answer, err := generatorOf(t, p).Generate(t.Context(), "ü\xff", flowrun.GenerateOptions{MaxTokens: 300, Temperature: 1},
		func(s string) error { parts = append(parts, s); return nil })
	require.NoError(t, err)
	require.Equal(t, 3, answer.PromptTokens)
	all := make([]byte, len(answer.Tokens))
	for i, id := range answer.Tokens {
		require.Less(t, id, 256)
		all[i] = byte(id)
	}
	require.Equal(t, string([]rune(string(all))), answer.Text)
	require.Equal(t, answer.Text, strings.Join(parts, ""))
}

// What the weights know stays true when the text is another.
func TestTheVocabularyIsThatOfTheWeights(t *testing.T) {
	p := textModel(t, strings.Repeat("abcd", 9), "tokens: characters\n    vocabulary: 20")
	s, err := p.Start(t.Context(), flowrun.On("cpu"))
	require.NoError(t, err)
	weights, err := s.Weights()
	require.NoError(t, err)
	require.NoError(t, s.Close())
	other := textModel(t, strings.Repeat("wxyz", 9), "tokens: characters\n    vocabulary: 20")
	answer, err := generatorOf(t, other, flowrun.WithWeights(weights)).Generate(t.Context(), "abcd", flowrun.GenerateOptions{MaxTokens: 40, Temperature: 9}, nil)
	require.NoError(t, err)
	require.Empty(t, strings.Trim(answer.Text, "abcd"))

	var notes []string
	unknowing := flowrun.Weights{Tensors: weights.Tensors}
	g := generatorOf(t, other, flowrun.WithWeights(unknowing), flowrun.OnDataNote(func(note string) { notes = append(notes, note) }))
	_, err = g.Generate(t.Context(), "wxyz", flowrun.GenerateOptions{MaxTokens: 1}, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"the weights don't know their vocabulary; it is that of book, which may have changed since they were trained"}, notes)
}

func TestATokenAllocatesNothingButItsText(t *testing.T) {
	p := modelOf(t, 40, "f32", true)
	g := generatorOf(t, p, flowrun.On("cpu"))
	allocated := func(tokens int) float64 {
		o := flowrun.GenerateOptions{MaxTokens: tokens, Temperature: 1, TopK: 5}
		return testing.AllocsPerRun(5, func() {
			_, err := g.Generate(t.Context(), "1 2 3", o, nil)
			require.NoError(t, err)
		})
	}
	require.Less(t, allocated(30)-allocated(10), 2*20.0+8, "20 tokens more")
}

func TestAGeneratorIsForManyGoroutines(t *testing.T) {
	p := modelOf(t, 8, "f32", true)
	g, err := p.StartGenerator(t.Context())
	require.NoError(t, err)
	o := flowrun.GenerateOptions{MaxTokens: 10}
	want, err := g.Generate(t.Context(), "1 2 3", o, nil)
	require.NoError(t, err)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for {
				answer, err := g.Generate(t.Context(), "1 2 3", o, nil)
				if err != nil {
					require.ErrorIs(t, err, flowrun.ErrClosed)
					return
				}
				require.Equal(t, want.Text, answer.Text)
			}
		})
		if i == 3 {
			time.Sleep(20 * time.Millisecond)
			require.NoError(t, g.Close())
			require.NoError(t, g.Close())
		}
	}
	all.Wait()
	require.NotEmpty(t, g.Device())
}
