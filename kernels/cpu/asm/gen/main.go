// Command gen writes the assembly of package asm: for each row of files an assembly file
// and Go declarations, into the folder that its argument names.
//
// It is a module of its own, so that the program needs none of its dependencies. What
// it writes is committed; a test of package asm runs it again and compares.
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

// files are what is written: NAME_amd64.s, and NAME_amd64.go with its declarations.
var files = []struct {
	name     string
	generate func(c *build.Context)
	table    func() []byte // more Go, for NAME_table_amd64.go; may be nil
}{
	{"tile", tiles, tileTable},
	{"pack", packing, nil},
	{"dots", dots, nil},
	{"vector", vector, vectorTable},
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: go run . FOLDER")
	}
	out := os.Args[1]
	for _, f := range files {
		c := build.NewContext()
		f.generate(c)
		if err := write(out, f.name, c); err != nil {
			log.Fatalf("%s: %v", f.name, err)
		}
		if f.table == nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(out, f.name+"_table_amd64.go"), f.table(), 0o666); err != nil {
			log.Fatal(err)
		}
	}
}

// warning begins every generated file.
const warning = "go generate ./kernels/cpu/asm"

// write allocates registers, and prints a file and its declarations.
func write(folder, name string, c *build.Context) error {
	file, err := c.Result()
	if err != nil {
		return err
	}
	if err := pass.Compile.Execute(file); err != nil {
		return err
	}
	config := printer.Config{Pkg: "asm", Argv: []string{warning}}
	for ending, print := range map[string]printer.Builder{".s": printer.NewGoAsm, ".go": printer.NewStubs} {
		text, err := print(config).Print(file)
		if err != nil {
			return fmt.Errorf("printing: %w", err)
		}
		if err := os.WriteFile(filepath.Join(folder, name+"_amd64"+ending), text, 0o666); err != nil {
			return err
		}
	}
	return nil
}
