// Manifests, from the text to the plan.

#include "base/check.h"
#include "base/document.h"
#include "manifest/admission.h"
#include "manifest/argo/lower.h"
#include "manifest/argo/read_status.h"
#include "manifest/validate.h"

#include "input.h"
#include <algorithm>

namespace serin::fuzz {
namespace {

bool has_error(const std::vector<Diagnostic>& found) {
    return std::ranges::any_of(
        found, [](const Diagnostic& one) { return one.severity == Severity::error; });
}

void follow(const Object& given) {
    Object object = given;
    const bool is_refused = has_error(manifest::validate(object));
    const manifest::ManifestAdmission admission;
    SERIN_CHECK(!is_refused || has_error(admission.review(object, nullptr)));
    static_cast<void>(admission.review(object, &given));
    // These promise to bear what was never judged.
    static_cast<void>(argo::lower(object));
    static_cast<void>(argo::read_status(object));
}

}  // namespace
}  // namespace serin::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace serin;
    const DocumentsRead read = read_documents(fuzz::text_of(data, size), "fuzz.yaml");
    for (const Document& document : read.documents) {
        const auto again = json::parse(json::print(document.root));
        SERIN_CHECK(again.has_value());
        const bool is_refused = fuzz::has_error(manifest::validate(document));
        if (!document.root.is_object()) {
            SERIN_CHECK(is_refused);
            continue;
        }
        fuzz::follow(Object(document.root.get_object()));
    }
    return 0;
}
