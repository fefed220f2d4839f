// Libraries, functions and pipelines.

#include "metal.h"

// MTLLibraryError
enum { UNSUPPORTED = 1, COMPILE_FAILURE = 3, COMPILE_WARNING = 4 };

static const char *const libraryDomain = "MTLLibraryErrorDomain";

// Stores an error if requested, and returns nil.
static id fail(id *error, NSError *why) {
    [why autorelease];
    if (error) *error = why;
    return nil;
}

// The language versions of a macOS: (major << 16) + minor.
static bool speaks(NSUInteger version) {
    NSUInteger major = version >> 16, minor = version & 0xffff;
    switch (major) {
    case 2: return minor <= 4;
    case 3: return minor == 0 || (minor == 1 && play.macos >= 14) || (minor == 2 && play.macos >= 15);
    }
    return false;
}

id newLibrary(FakeMTLDevice *device, const std::string &source, MTLCompileOptions *options, id *error) {
    if (!speaks(options->version))
        return fail(error, newError(libraryDomain, UNSUPPORTED, "invalid language version " + std::to_string(options->version >> 16) + "." + std::to_string(options->version & 0xffff)));
    std::string said;
    auto module = compile(source, options->version, options->safe && options->precise, &said);
    if (!module) return fail(error, newError(libraryDomain, COMPILE_FAILURE, "program_source: " + said));
    FakeMTLLibrary *l = create(objc_getClass("FakeMTLLibrary"));
    l->device = [device retain];
    l->module = new std::shared_ptr<Module>(module);
    // A library with compiler warnings comes with an error, and is valid.
    if (play.warnings) fail(error, newError(libraryDomain, COMPILE_WARNING, "program_source:1:1: warning: unused variable"));
    return l;
}

id newPipeline(FakeMTLDevice *device, FakeMTLFunction *function, id *error) {
    if (function->kernel->threadgroupBytes > 32768)
        return fail(error, newError("AGXMetalG13X", 3, "Threadgroup memory size (" + std::to_string(function->kernel->threadgroupBytes) + ") exceeds the maximum threadgroup memory allowed (32768)"));
    FakeMTLComputePipelineState *p = create(objc_getClass("FakeMTLComputePipelineState"));
    p->device = [device retain];
    p->kernel = new Kernel(*function->kernel);
    p->threads = play.threads;
    p->width = play.width;
    return p;
}

@implementation MTLCompileOptions

- (void)setLanguageVersion:(NSUInteger)value {
    version = value;
}

- (NSUInteger)languageVersion {
    return version;
}

// MTLMathMode: safe 0, relaxed 1, fast 2; fast is the default.
- (void)setMathMode:(NSInteger)mode {
    if (mode < 0 || mode > 2) WRONG("there is no MTLMathMode " + std::to_string(mode));
    safe = mode == 0;
}

- (NSInteger)mathMode {
    return safe ? 0 : 2;
}

// MTLMathFloatingPointFunctions: fast 0, precise 1.
- (void)setMathFloatingPointFunctions:(NSInteger)functions {
    if (functions < 0 || functions > 1) WRONG("there are no MTLMathFloatingPointFunctions " + std::to_string(functions));
    precise = functions == 1;
}

- (NSInteger)mathFloatingPointFunctions {
    return precise;
}

- (void)setFastMathEnabled:(Flag)fast {
    safe = precise = !(fast & 0xff);
}

- (Flag)fastMathEnabled {
    return flag(!safe);
}

@end

@implementation FakeMTLLibrary

- (id)newFunctionWithName:(id)name {
    Locked locked;
    Kernel k = kernelOf(*module, text(self, _cmd, name));
    if (k.name.empty()) return nil;
    FakeMTLFunction *f = create(objc_getClass("FakeMTLFunction"));
    f->device = [device retain];
    f->kernel = new Kernel(k);
    return f;
}

- (NSArray *)functionNames {
    Locked locked;
    std::vector<id> names;
    for (auto &n : functionNames(*module)) names.push_back([newString(n) autorelease]);
    return [newArray(names) autorelease];
}

- (void)dealloc {
    delete module;
    [device release];
    [super dealloc];
}

@end

@implementation FakeMTLFunction

- (NSString *)name {
    return [newString(kernel->name) autorelease];
}

- (void)dealloc {
    delete kernel;
    [device release];
    [super dealloc];
}

@end

@implementation FakeMTLComputePipelineState

- (NSUInteger)maxTotalThreadsPerThreadgroup {
    return threads;
}

- (NSUInteger)threadExecutionWidth {
    return width;
}

- (NSUInteger)staticThreadgroupMemoryLength {
    return kernel->threadgroupBytes;
}

- (void)dealloc {
    delete kernel;
    [device release];
    [super dealloc];
}

@end
