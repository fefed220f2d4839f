package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/internal/errs"
	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/report"
)

// generateFlags are the flags of generate.
type generateFlags struct {
	specFlags
	startFlags
	prompt, promptFile string
	maxTokens, topK    int64
	temperature, topP  float64
	stop               []string
	json               bool
}

func newGenerate(s streams) *cobra.Command {
	var o generateFlags
	c := &cobra.Command{
		Use:   "generate SPEC",
		Short: "Generate text with a language model",
		Long: `generate continues a prompt with a language model, token by token, and writes what
follows the prompt to standard output as it grows. The spec's generate section says
which input takes the tokens and which output predicts the next one; it also has the
defaults of the flags. The vocabulary is what the weights know from their training.

A token is drawn with its probability after --temperature, among the --top-k most
likely ones, of which only the most likely are kept that together have the probability
--top-p. With --temperature 0 it is the most likely one. The same seed gives the same
text on the same device.

A prompt must have at least one token. Of one that is longer than the context, the
model sees the end. When the context is full, the model forgets all but the later half.

The text that the spec names for training isn't opened, but its folder must be allowed
as it is for training, with --allow-read, if it is outside of the spec's.

Where the spec has no text, as for generated data, a prompt is the numbers of tokens,
"3 1 4", and so is the answer.`,
		Example: `  go=$(go env GOROOT)
  flowrun generate graphs/char_gpt.yaml --set goroot=$go --allow-read $go --weights char_gpt.safetensors --prompt "func "
  flowrun generate spec.yaml --weights spec.safetensors --prompt-file - --stop "." --json < prompt.txt`,
		Args: oneSpec,
		RunE: func(c *cobra.Command, args []string) error { return o.run(c, args[0], s) },
	}
	o.specFlags.add(c)
	o.startFlags.add(c, "take the weights from `FILE`: safetensors, a checkpoint, or an index of shards")
	f := c.Flags()
	f.StringVar(&o.prompt, "prompt", "", "continue `TEXT`")
	f.StringVar(&o.promptFile, "prompt-file", "", "continue the text in `FILE`, all of it (-: standard input)")
	intFlag(c, &o.maxTokens, "max-tokens", "end after `N` tokens")
	f.Float64Var(&o.temperature, "temperature", 0, "divide logits by `T`: below 1, likely tokens become likelier; 0: take the most likely token")
	intFlag(c, &o.topK, "top-k", "draw from the `K` most likely tokens only; 0: from all")
	f.Float64Var(&o.topP, "top-p", 0, "draw only from the most likely tokens that together have the probability `P`")
	f.StringArrayVar(&o.stop, "stop", nil, "end before `TEXT` (repeatable; instead of the spec's)")
	f.BoolVar(&o.json, "json", false, "write one JSON object to standard output at the end, and nothing else")
	return c
}

// mostPrompt is how long the file of a prompt may be, in bytes.
const mostPrompt = 16 << 20

func (o *generateFlags) run(c *cobra.Command, path string, s streams) (err error) {
	prompt, err := o.promptText(c, s.in)
	if err != nil {
		return err
	}
	program, err := o.load(c, path, s)
	if err != nil {
		return err
	}
	given := o.given(c, program.GenerateOptions())
	if program.Generates() {
		err := given.Check()
		if c.Flags().Changed("top-p") && o.topP == 0 { // in Go, 0 is as 1
			err = errors.New("top-p must be above 0 and at most 1, got 0")
		}
		if err != nil {
			return usageError{err}
		}
	}
	options, err := o.startFlags.options(program)
	if err != nil {
		return err
	}
	note := func(text string) { fmt.Fprintln(s.errors, diag.Printable("note: "+text)) }
	running.Store(true) // an interrupted answer is written
	defer running.Store(false)
	generator, err := program.StartGenerator(c.Context(), append(options, flowrun.OnWeights(tellWeights(s.errors)), flowrun.OnDataNote(note))...)
	if err != nil {
		return err
	}
	defer func() { err = errs.Join(err, generator.Close()) }()
	out := newTokenWriter(s.out)
	emit := out.write
	if o.json {
		emit = nil
	}
	answer, err := generator.Generate(c.Context(), prompt, given, emit)
	err = errs.Join(err, out.end()) // notes stand on lines of their own
	if err != nil {
		return err
	}
	if n := answer.Unknown; n > 0 {
		are := "aren't"
		if n == 1 {
			are = "isn't"
		}
		note(fmt.Sprintf("%s of the prompt %s in the vocabulary; the model sees its token for unknown ones", diag.Count(n, "character"), are))
	}
	if answer.Unseen > 0 {
		note(fmt.Sprintf("the prompt has %s; the model sees the last %d", diag.Count(answer.PromptTokens, "token"), answer.PromptTokens-answer.Unseen))
	}
	if o.json {
		err = writeJSON(s.out, generationJSON(path, generator, answer))
	} else {
		seconds := answer.Elapsed.Seconds()
		fmt.Fprintf(s.errors, "%s in %.3gs (%.1f tokens/s) on %s: %s\n", diag.Count(len(answer.Tokens), "token"), seconds,
			float64(len(answer.Tokens))/max(seconds, 1e-9), generator.Device(), ending(answer))
	}
	if err == nil && answer.Stopped == flowrun.StoppedInterrupted {
		return errInterrupted
	}
	return err
}

// promptText is the prompt of the flags.
func (o *generateFlags) promptText(c *cobra.Command, in io.Reader) (string, error) {
	switch file := c.Flags().Changed("prompt-file"); {
	case file && c.Flags().Changed("prompt"):
		return "", usageError{errors.New("--prompt and --prompt-file are two prompts; give one")}
	case !file && !c.Flags().Changed("prompt"):
		return "", usageError{errors.New("there is nothing to continue: give --prompt TEXT or --prompt-file FILE")}
	case !file:
		return o.prompt, nil
	}
	if o.promptFile != "-" {
		f, err := files.Open(o.promptFile)
		if err != nil {
			return "", fmt.Errorf("--prompt-file: %w", err)
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, mostPrompt+1))
	if err == nil && len(text) > mostPrompt {
		err = fmt.Errorf("%s is longer than %d bytes; cut it", o.promptFile, mostPrompt)
	}
	if err != nil {
		return "", fmt.Errorf("--prompt-file: %w", err)
	}
	return string(text), nil
}

// given are the spec's options with those of the flags.
func (o *generateFlags) given(c *cobra.Command, g flowrun.GenerateOptions) flowrun.GenerateOptions {
	changed := c.Flags().Changed
	if changed("max-tokens") {
		g.MaxTokens = int(o.maxTokens)
	}
	if changed("temperature") {
		g.Temperature = o.temperature
	}
	if changed("top-k") {
		g.TopK = int(o.topK)
	}
	if changed("top-p") {
		g.TopP = o.topP
	}
	if changed("stop") {
		g.Stop = o.stop
	}
	return g
}

// ending says why an answer ended.
func ending(a *flowrun.Generation) string {
	switch a.Stopped {
	case flowrun.StoppedText:
		return "stopped before " + diag.Quote(a.Stop)
	case flowrun.StoppedMaxTokens:
		return "max_tokens reached"
	}
	return "interrupted"
}

// generationResult is the object of --json.
type generationResult struct {
	Spec         string   `json:"spec"`
	Device       string   `json:"device"`
	Prompt       string   `json:"prompt"`
	Text         string   `json:"text"`
	PromptTokens int      `json:"prompt_tokens"`
	Unknown      int      `json:"prompt_unknown"`
	Unseen       int      `json:"prompt_unseen"`
	Tokens       []int    `json:"tokens"`
	Stopped      string   `json:"stopped"`
	Stop         string   `json:"stop,omitempty"`
	Seed         int64    `json:"seed"`
	Cached       bool     `json:"cached"`
	Seconds      float64  `json:"seconds"`
	PerSecond    *float64 `json:"tokens_per_second"`
}

func generationJSON(path string, g *flowrun.Generator, a *flowrun.Generation) generationResult {
	r := generationResult{Spec: path, Device: g.Device(), Prompt: a.Prompt, Text: a.Text, PromptTokens: a.PromptTokens, Unknown: a.Unknown,
		Unseen: a.Unseen, Tokens: a.Tokens, Stopped: a.Stopped, Stop: a.Stop, Seed: a.Seed, Cached: g.Cached(), Seconds: a.Elapsed.Seconds()}
	if r.Tokens == nil {
		r.Tokens = []int{}
	}
	if s := a.Elapsed.Seconds(); s > 0 && len(a.Tokens) > 0 {
		rate := float64(len(a.Tokens)) / s
		r.PerSecond = &rate
	}
	return r
}

// tokenWriter writes an answer as it grows. On a terminal, what could control it is
// escaped: a model may say anything.
type tokenWriter struct {
	to       io.Writer
	terminal bool
	last     byte
}

func newTokenWriter(w io.Writer) *tokenWriter {
	t := &tokenWriter{to: w}
	if f, ok := w.(*os.File); ok {
		_, t.terminal = report.Terminal(f)
	}
	return t
}

func (t *tokenWriter) write(text string) error {
	if text == "" {
		return nil
	}
	t.last = text[len(text)-1]
	if t.terminal {
		parts := strings.Split(text, "\t")
		for i, part := range parts {
			parts[i] = diag.Printable(part)
		}
		text = strings.Join(parts, "\t")
	}
	_, err := io.WriteString(t.to, text)
	if err != nil {
		t.last = 0 // there is no line to end
	}
	return err
}

// end ends the last line, if there is one.
func (t *tokenWriter) end() error {
	if t.last == 0 || t.last == '\n' {
		return nil
	}
	t.last = '\n'
	_, err := io.WriteString(t.to, "\n")
	return err
}
