package main

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"log"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	"github.com/mmcloughlin/avo/operand"
)

// arguments is package asm as far as its arguments.go declares it. The generator runs in
// its own folder.
var arguments = func() *types.Package {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "../arguments.go", nil, 0)
	if err != nil {
		log.Fatal(err)
	}
	pkg, err := (&types.Config{Importer: importer.Default()}).Check("github.com/flowrun/flowrun/kernels/cpu/asm", files, []*ast.File{file}, nil)
	if err != nil {
		log.Fatal(err)
	}
	return pkg
}()

// argument is a pointer to a struct of arguments.go.
type argument struct {
	at     operand.Mem
	fields map[string]int // their offsets
}

// function begins a function func(name *of), and loads its argument.
func function(c *build.Context, called, name, of string) *argument {
	c.Function(called)
	c.Attributes(build.NOSPLIT)
	c.Pragma("noescape")
	kind := arguments.Scope().Lookup(of).Type()
	param := types.NewParam(token.NoPos, arguments, name, types.NewPointer(kind))
	c.Signature(gotypes.NewSignature(arguments, types.NewSignatureType(nil, nil, nil, types.NewTuple(param), nil, false)))
	fields := []*types.Var{}
	inner := kind.Underlying().(*types.Struct)
	for i := range inner.NumFields() {
		fields = append(fields, inner.Field(i))
	}
	a := &argument{at: operand.Mem{Base: c.Load(c.Param(name), c.GP64())}, fields: map[string]int{}}
	for i, offset := range types.SizesFor("gc", "amd64").Offsetsof(fields) {
		a.fields[fields[i].Name()] = int(offset)
	}
	return a
}

// field is where a field lies.
func (a *argument) field(name string) operand.Mem {
	offset, ok := a.fields[name]
	if !ok {
		log.Fatalf("arguments.go has no field %s", name)
	}
	return a.at.Offset(offset)
}
