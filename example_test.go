package flowrun_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/flowrun/flowrun"
)

// Load a spec, train, and look at what it came to.
func Example() {
	program, err := flowrun.Load("graphs/math_net.yaml")
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	session, err := program.Start(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()

	summary, err := session.Run(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(summary.Stopped, summary.Metrics[1] >= 0.995)
	// Output: until true
}

// Write a weight: whatever depends on it, its copies on other devices first of
// all, is computed anew before anybody sees it.
func ExampleSession_Set() {
	spec := `
flowrun: 1
name: double
model:
  nodes:
    y: {Scale: 3.0}
  outputs: [y]
modules:
  Scale:
    inputs: {x: "f32[]"}
    params: {factor: {shape: [], init: 2.0}}
    output: x * factor
data:
  nothing: {generate: {target: 0.0}}
train: {data: nothing, loss: "mse_loss(y, target)", optimizer: {SGD: {lr: 0.1}}, max_steps: 1}
`
	program, err := flowrun.Parse("double.yaml", []byte(spec))
	if err != nil {
		log.Fatal(err)
	}
	// The weight lives on the host, and is copied to the device that uses it.
	session, err := program.Start(context.Background(), flowrun.On("sim:0"), flowrun.Place("*.factor", "cpu"))
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()

	show := func() {
		y, err := session.Get("y")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(y)
	}
	show()
	ten, err := flowrun.FromFloat32(nil, []float32{10})
	if err != nil {
		log.Fatal(err)
	}
	if err := session.Set("y.factor", ten); err != nil {
		log.Fatal(err)
	}
	show()
	// Output:
	// 6
	// 30
}

// Take all weights from one session into another at once.
func ExampleSession_SetAll() {
	ctx := context.Background()
	program, err := flowrun.Load("graphs/math_net.yaml")
	if err != nil {
		log.Fatal(err)
	}
	teacher, err := program.Start(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer teacher.Close()
	if _, err := teacher.Run(ctx, flowrun.MaxSteps(2000)); err != nil {
		log.Fatal(err)
	}
	weights, err := teacher.Weights()
	if err != nil {
		log.Fatal(err)
	}

	pupil, err := program.Start(ctx, flowrun.On("sim:0"))
	if err != nil {
		log.Fatal(err)
	}
	defer pupil.Close()
	if err := pupil.SetAll(weights.Tensors); err != nil {
		log.Fatal(err)
	}
	for name := range weights.Tensors {
		a, _ := teacher.Get(name)
		b, _ := pupil.Get(name)
		if a.String() != b.String() {
			fmt.Println(name, "differs")
		}
	}
	fmt.Println(len(weights.Tensors), "parameters")
	// Output: 3 parameters
}

// Compute a model's outputs once.
func ExampleProgram_Infer() {
	program, err := flowrun.Parse("hypotenuse.yaml", []byte(`
flowrun: 1
name: hypotenuse
model:
  inputs: {a: "f32[]", b: "f32[]"}
  nodes: {c: sqrt(a ** 2 + b ** 2)}
  outputs: [c]
`))
	if err != nil {
		log.Fatal(err)
	}
	inputs := map[string]*flowrun.Tensor{}
	for name, value := range map[string]float32{"a": 3, "b": 4} {
		if inputs[name], err = flowrun.FromFloat32(nil, []float32{value}); err != nil {
			log.Fatal(err)
		}
	}
	out, err := program.Infer(context.Background(), inputs)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(out["c"])
	// Output: 5
}

// A spec that is wrong says so with all its faults, each with its place.
func ExampleParse_diagnostics() {
	_, err := flowrun.Parse("bad.yaml", []byte(`
flowrun: 1
name: bad
model:
  inputs: {x: "f32[1, 8]"}
  nodes:
    h: {Liner: x, out_features: 16}
  outputs: [h]
`))
	fmt.Println(err)
	// Output: bad.yaml:7:9: unknown operation or module `Liner`
}

// Train on a CSV, and compute the model's outputs for each row of another one: columns,
// means and classes are those of the training.
func ExampleProgram_InferTo() {
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	for name, text := range map[string]string{
		"known.csv": "length,width,kind\n1,1,small\n9,8,large\n2,1,small\n8,9,large\n1,2,small\n",
		"new.csv":   "width,length\n2,2\n8,8\n",
		"spec.yaml": `
flowrun: 1
data:
  things:
    csv: known.csv
    fields:
      x: {columns: [length, width], type: "f32[2]", normalize: element}
      kind: {column: kind, type: "i64[]", classes: 2}
    batch: 2
model:
  inputs: {x: "f32[batch, 2]"}
  nodes:
    scores: {Linear: x, out_features: 2}
    best: argmax(scores, dim=-1)
  outputs: [best]
  labels: {best: kind}
train:
  data: things
  loss: cross_entropy(scores, kind)
  optimizer: {SGD: {lr: 1}}
  epochs: 20
`} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			log.Fatal(err)
		}
	}

	ctx := context.Background()
	program, err := flowrun.Load(filepath.Join(folder, "spec.yaml"))
	if err != nil {
		log.Fatal(err)
	}
	session, err := program.Start(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()
	if _, err := session.Run(ctx); err != nil {
		log.Fatal(err)
	}
	weights, err := session.Weights()
	if err != nil {
		log.Fatal(err)
	}
	file := flowrun.FileInference{In: filepath.Join(folder, "new.csv")}
	if _, err := program.InferTo(ctx, file, os.Stdout, "csv", flowrun.WithWeights(weights)); err != nil {
		log.Fatal(err)
	}
	// Output:
	// best
	// small
	// large
}

// Answer many requests with a model, and replace its weights meanwhile.
func ExampleProgram_StartInference() {
	program, err := flowrun.Parse("scale.yaml", []byte(`
flowrun: 1
modules: {Scale: {inputs: {x: "f32[n]"}, params: {w: {shape: [], init: 1}}, output: w * x}}
model: {inputs: {x: "f32[2]"}, nodes: {y: {Scale: x}}, outputs: [y]}
`))
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	inference, err := program.StartInference(ctx, flowrun.On("cpu"))
	if err != nil {
		log.Fatal(err)
	}
	defer inference.Close()
	x, _ := flowrun.FromFloat32(flowrun.Shape{2}, []float32{1, 2})
	inputs := map[string]*flowrun.Tensor{"x": x}
	outputs, err := inference.Outputs(ctx, inputs)
	if err != nil {
		log.Fatal(err)
	}
	for _, k := range []float32{1, 10} {
		w, _ := flowrun.FromFloat32(nil, []float32{k})
		if err := inference.SetWeights(flowrun.Weights{Tensors: map[string]*flowrun.Tensor{"y.w": w}}); err != nil {
			log.Fatal(err)
		}
		if err := inference.Run(ctx, inputs, outputs); err != nil { // allocates nothing
			log.Fatal(err)
		}
		fmt.Println(outputs["y"].Float32s())
	}
	// Output:
	// [1 2]
	// [10 20]
}

// Continue a text, and have it written as it grows.
func ExampleProgram_StartGenerator() {
	program, err := flowrun.Parse("count.yaml", []byte(`
flowrun: 1
vars: {tokens: 10}
model:
  inputs: {ids: "i64[1, time]"}
  nodes:
    after: (ids + 1) % tokens                           # after 3 comes 4, after 9 comes 0
    logits: cast(one_hot(after, tokens), "f32") * 20.0
  outputs: [logits]
generate: {context: 8}
`))
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	generator, err := program.StartGenerator(ctx, flowrun.On("cpu"))
	if err != nil {
		log.Fatal(err)
	}
	defer generator.Close()
	options := program.GenerateOptions() // the spec's
	options.MaxTokens = 20
	options.Temperature = 0 // the most likely token
	options.Stop = []string{"0"}
	answer, err := generator.Generate(ctx, "2 3 4", options, func(text string) error {
		fmt.Print(text, "|")
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println()
	fmt.Println(answer.PromptTokens, len(answer.Tokens), answer.Stopped)
	// Output:
	// 5| 6| 7| 8| 9| |
	// 3 6 stop
}
