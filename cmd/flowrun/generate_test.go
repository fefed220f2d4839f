package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A model that has seen nothing, with numbers as tokens.
const untrainedModel = `
flowrun: 1
model:
  inputs: {ids: "i32[batch, time]"}
  nodes:
    e: {Embedding: ids, num_embeddings: 9, embedding_dim: 4}
    a: {TransformerBlock: e, num_heads: 1, is_causal: true, context: 8}
    logits: {Linear: a, out_features: 9}
  outputs: [logits]
generate: {context: 8, max_tokens: 12, temperature: 0.9}
`

func TestGenerateContinuesAPrompt(t *testing.T) {
	dir := t.TempDir()
	spec, prompt := filepath.Join(dir, "spec.yaml"), filepath.Join(dir, "prompt")
	require.NoError(t, os.WriteFile(spec, []byte(untrainedModel), 0o600))
	require.NoError(t, os.WriteFile(prompt, []byte("1 2\n3"), 0o600))
	code, out, errors := flowrunWith(t, "generate", spec, "--prompt", "1 2 3", "--seed", "4")
	require.Equal(t, exitDone, code, errors)
	require.Equal(t, 1, strings.Count(out, "\n"))
	require.Len(t, strings.Fields(out), 12)
	require.Contains(t, errors, "note: no weights were given: the parameters have their initial values, as before training\n")
	require.Regexp(t, `12 tokens in \S+s \(\S+ tokens/s\) on cpu: max_tokens reached\n$`, errors)

	code, asJSON, errors := flowrunWith(t, "generate", spec, "--prompt-file", prompt, "--seed", "4", "--json")
	require.Equal(t, exitDone, code, errors)
	var answer generationResult
	require.NoError(t, json.Unmarshal([]byte(asJSON), &answer))
	require.Equal(t, strings.TrimSuffix(out, "\n"), answer.Text)
	require.Equal(t, "1 2\n3", answer.Prompt)
	require.Len(t, answer.Tokens, 12)
	require.Equal(t, "max_tokens", answer.Stopped)
	require.EqualValues(t, 4, answer.Seed)
	require.True(t, answer.Cached)
	require.Positive(t, *answer.PerSecond)

	words := strings.Fields(out)
	code, stopped, errors := flowrunWith(t, "generate", spec, "--prompt", "1 2 3", "--seed", "4", "--stop", words[0]+" "+words[1])
	require.Equal(t, exitDone, code, errors)
	require.Empty(t, stopped)
	require.Contains(t, errors, "stopped before \""+words[0]+" "+words[1]+"\"")

	_, long, errors := flowrunWith(t, "generate", spec, "--prompt", strings.Repeat("1 ", 30), "--temperature", "0", "--max-tokens", "2")
	require.Len(t, strings.Fields(long), 2)
	require.Contains(t, errors, "note: the prompt has 30 tokens; the model sees the last 8\n")
}

func TestGenerateRefusesWhatMeansNothing(t *testing.T) {
	spec := filepath.Join(t.TempDir(), "spec.yaml")
	require.NoError(t, os.WriteFile(spec, []byte(untrainedModel), 0o600))
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{exitUsage, "there is nothing to continue: give --prompt TEXT or --prompt-file FILE", nil},
		{exitUsage, "--prompt and --prompt-file are two prompts; give one", []string{"--prompt", "1", "--prompt-file", "-"}},
		{exitUsage, "the temperature must be finite and at least 0, got NaN", []string{"--prompt", "1", "--temperature", "NaN"}},
		{exitUsage, "top-p must be above 0 and at most 1, got 0", []string{"--prompt", "1", "--top-p", "0"}},
		{exitUsage, "top-k must be at least 0 (0: all tokens), got -1", []string{"--prompt", "1", "--top-k", "-1"}},
		{exitUsage, "the maximum number of tokens must be at least 1, got 0", []string{"--prompt", "1", "--max-tokens", "0"}},
		{exitUsage, "an empty text can't stop an answer", []string{"--prompt", "1", "--stop", ""}},
		{exitFailed, "the prompt is empty", []string{"--prompt", ""}},
		{exitFailed, `token 1: "9"`, []string{"--prompt", "9"}},
		{exitFailed, "no such file", []string{"--prompt-file", filepath.Join(t.TempDir(), "none")}},
		{exitFailed, "not a regular file", []string{"--prompt-file", t.TempDir()}},
	} {
		code, out, errors := flowrunWith(t, append([]string{"generate", spec}, c.args...)...)
		require.Equal(t, c.code, code, errors)
		require.Contains(t, errors, c.want)
		require.Empty(t, out)
	}
}

func TestAnAnswerThatCannotBeWrittenIsOneError(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no /dev/full")
	}
	defer full.Close()
	w := newTokenWriter(full)
	require.Error(t, w.write("a"))
	require.NoError(t, w.end(), "it was told")
}
