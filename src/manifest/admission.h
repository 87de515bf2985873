#pragma once

#include "ports/admission.h"

namespace serin::manifest {

// What every write of an object has to pass: its own fields and rules (validate.h), fields that may
// not change once set, and, where nothing is wrong, the defaults. A write that leaves everything
// but metadata and status as it was is judged by these alone, so that objects from an older Serin
// can still be worked with. What an object names need not be there yet.
class ManifestAdmission : public Admission {
public:
    std::vector<Diagnostic> review(Object& object, const Object* old) const override;
};

}  // namespace serin::manifest
