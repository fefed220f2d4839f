module github.com/flowrun/flowrun

go 1.26
