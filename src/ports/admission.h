#pragma once

#include "base/diagnostic.h"
#include "ports/object.h"

#include <vector>

namespace serin {

// Judges an object before it is stored, whatever way it came in. All errors at once; warnings do
// not refuse. REQUIRES: called on the event loop.
class Admission {
public:
    virtual ~Admission() = default;
    // `old` is null on creation. May fill in defaults.
    virtual std::vector<Diagnostic> review(Object& object, const Object* old) const = 0;
};

}  // namespace serin
