package flowrun

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/sampling"
)

// GenerateOptions say how a text is generated. [Program.GenerateOptions] gives the spec's.
type GenerateOptions struct {
	MaxTokens   int      // after so many the answer ends; at least 1
	Temperature float64  // what logits are divided by; 0 takes the most likely token
	TopK        int      // only so many of the most likely tokens are drawn; 0: all
	TopP        float64  // only those that together have this probability; 0 or 1: all
	Stop        []string // texts that end the answer, which aren't part of it
	Seed        int64    // equal seeds give equal texts
}

// The reasons why an answer ended.
const (
	StoppedMaxTokens   = "max_tokens"
	StoppedText        = "stop" // one of GenerateOptions.Stop
	StoppedInterrupted = "interrupted"
)

// Generation is an answer.
type Generation struct {
	Prompt       string
	Text         string // without the prompt
	PromptTokens int
	Unknown      int // characters of the prompt that the vocabulary lacks
	Unseen       int // the prompt's first so many tokens, which didn't fit the context
	Tokens       []int
	Stopped      string // StoppedMaxTokens, StoppedText or StoppedInterrupted
	Stop         string // the text that ended it
	Seed         int64
	Elapsed      time.Duration
}

// Generates reports whether the spec has a generate section.
func (p *Program) Generates() bool { return p.spec.Generate != nil }

// GenerateOptions are those of the spec's generate section, with the spec's seed.
func (p *Program) GenerateOptions() GenerateOptions {
	g := p.spec.Generate
	if g == nil {
		return GenerateOptions{}
	}
	return GenerateOptions{MaxTokens: int(g.MaxTokens), Temperature: g.Temperature, TopK: int(g.TopK), TopP: g.TopP,
		Stop: slices.Clone(g.Stop), Seed: p.spec.Seed}
}

// Generator generates texts. It keeps its plans and memory from one to the next. Its
// methods may be called from several goroutines; texts are generated one at a time. Close
// waits for the one at work, and gives memory and devices back.
type Generator struct {
	program *Program // nil: nobody has started it
	words   *vocabulary
	device  string

	turn    chan struct{} // held by the text that is being generated, which model is for
	model   *generation   // nil: closed
	closing context.Context
	close   context.CancelFunc // ends closing
}

// StartGenerator prepares the model for generating text. The parameters are those of
// WithWeights, or else those of model.init or the spec's initial ones. The vocabulary is
// what the weights know of their training data; weights that know nothing have that of the
// spec's training data.
func (p *Program) StartGenerator(ctx context.Context, options ...StartOption) (*Generator, error) {
	if err := errors.Join(p.ready(), checkContext(ctx)); err != nil {
		return nil, err
	}
	if p.spec.Generate == nil {
		return nil, fmt.Errorf("%s has no generate section: add one, generate: {context: N}, that says how many tokens the model sees", p.spec.File)
	}
	o, err := gatherStart(ctx, options)
	if err != nil {
		return nil, err
	}
	if o.resume.wanted {
		return nil, errors.New("Resume continues training; to generate with the parameters of a checkpoint, read them with ReadWeights")
	}
	if o.weights, err = p.inferenceWeights(p.spec.Generate.Graph, o.weights, o); err != nil {
		return nil, err
	}
	words, err := p.vocabularyOf(ctx, o)
	if err != nil {
		return nil, err
	}
	model, err := p.startGeneration(ctx, o)
	if err != nil {
		if model != nil {
			err = errors.Join(err, model.close())
		}
		return nil, err
	}
	g := &Generator{program: p, words: words, model: model, device: model.options.device, turn: make(chan struct{}, 1)}
	g.closing, g.close = context.WithCancel(context.Background())
	return g, nil
}

// ready is the error for a generator that nobody has started.
func (g *Generator) ready() error {
	if g == nil || g.program == nil {
		return errors.New("there is no generator: StartGenerator makes one, if it returns no error")
	}
	return nil
}

// Device names the default device, also after Close.
func (g *Generator) Device() string {
	if g.ready() != nil {
		return ""
	}
	return g.device
}

// Cached reports whether the model keeps what it needs of earlier tokens, so that each token
// costs a step of one token. Otherwise each costs a step of all tokens that the model sees.
func (g *Generator) Cached() bool { return g.ready() == nil && g.program.spec.Generate.Cached }

// Close ends the text that is being generated, and gives memory and devices back: that
// call of Generate, those that wait and later ones get [ErrClosed]. A second call does
// nothing.
func (g *Generator) Close() error {
	if g.ready() != nil {
		return nil
	}
	g.close()
	g.turn <- struct{}{}
	defer func() { <-g.turn }()
	if g.model == nil {
		return nil
	}
	model := g.model
	g.model = nil
	return model.close()
}

// Generate continues a prompt. emit, unless it is nil, gets the text as it grows, in whole
// characters; its error ends the answer. It must not call methods of the generator. Where
// ctx ends, so does the answer, which then is what there is so far: StoppedInterrupted says
// so, and there is no error. With other errors there may be an answer, too, as far as it
// has come.
//
// Of a prompt that is longer than the model's context only the end is seen. When the context
// is full, the model forgets all but the later half of it.
func (g *Generator) Generate(ctx context.Context, prompt string, o GenerateOptions, emit func(text string) error) (*Generation, error) {
	if err := g.ready(); err != nil {
		return nil, err
	}
	if ctx == nil {
		return nil, checkContext(ctx)
	}
	if err := o.Check(); err != nil {
		return nil, err
	}
	draw, err := sampling.New(o.settings())
	if err != nil {
		return nil, err
	}
	out := &Generation{Prompt: prompt, Seed: o.Seed, Stopped: StoppedMaxTokens}
	tokens, unknown, err := g.words.encode(prompt)
	if err != nil {
		return nil, fmt.Errorf("the prompt: %w", err)
	}
	if len(tokens) == 0 {
		return nil, errors.New("the prompt is empty: a model says what follows a text, so give it at least one token")
	}
	out.PromptTokens, out.Unknown, out.Unseen = len(tokens), unknown, max(0, len(tokens)-g.program.spec.Generate.Context)
	begin := time.Now()
	text := &stream{stops: o.Stop, emit: emit}
	switch err = g.inTurn(ctx, func(ctx context.Context) error {
		return g.answer(ctx, tokens, o.MaxTokens, draw, text, out)
	}); {
	case err == nil:
	case g.closing.Err() != nil && errors.Is(err, context.Canceled):
		err = ErrClosed
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		out.Stopped, err = StoppedInterrupted, nil
	}
	if err == nil {
		err = text.flush()
	}
	out.Text, out.Stop, out.Elapsed = text.text.String(), text.stop, time.Since(begin)
	return out, err
}

// inTurn does something with the model as soon as nobody else does. Its context ends with
// ctx, and when the generator is closed.
func (g *Generator) inTurn(ctx context.Context, do func(ctx context.Context) error) error {
	select {
	case g.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-g.closing.Done():
		return ErrClosed
	}
	defer func() { <-g.turn }()
	if g.model == nil {
		return ErrClosed
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(g.closing, cancel)()
	return do(ctx)
}

// Check reports options that mean nothing.
func (o *GenerateOptions) Check() error {
	if o.MaxTokens < 1 {
		return fmt.Errorf("the maximum number of tokens must be at least 1, got %d", o.MaxTokens)
	}
	if slices.Contains(o.Stop, "") {
		return errors.New("an empty text can't stop an answer: it is everywhere")
	}
	s := o.settings()
	return s.Check()
}

// settings say how tokens are drawn.
func (o *GenerateOptions) settings() sampling.Settings {
	return sampling.Settings{Temperature: o.Temperature, TopK: o.TopK, TopP: o.TopP, Seed: o.Seed}
}

// answer adds tokens to an answer until it ends.
func (g *Generator) answer(ctx context.Context, prompt []int, most int, draw *sampling.Sampler, text *stream, out *Generation) error {
	if err := g.model.begin(ctx, prompt); err != nil {
		return err
	}
	for len(out.Tokens) < most {
		if err := ctx.Err(); err != nil {
			return err
		}
		g.words.mask(g.model.logits)
		id, err := draw.Sample(g.model.logits, uint64(len(out.Tokens)))
		if err != nil {
			return fmt.Errorf("after %s of the prompt and %d of the answer: %w", diag.Count(len(prompt), "token"), len(out.Tokens), err)
		}
		out.Tokens = append(out.Tokens, id)
		ended, err := text.add(g.words.text(id, len(out.Tokens) == 1))
		if ended {
			out.Stopped = StoppedText
		}
		if ended || err != nil || len(out.Tokens) == most {
			return err
		}
		if err := g.model.next(ctx, id); err != nil {
			return err
		}
	}
	return nil
}
