#include "control/status_write.h"

#include <utility>

namespace serin::control {

namespace {

// What is replaced is not copied first.
Object with_status(const Object& object, json::Object status) {
    const json::Object& present = object.document();
    json::Object document;
    document.reserve(present.size() + 1);
    for (const auto& member : present) {
        if (member.key() != "status") document.emplace(member.key(), member.value());
    }
    document.emplace("status", std::move(status));
    return Object(std::move(document));
}

}  // namespace

Result<> write_status(ObjectStore& store, const Object& object, json::Object status) {
    const json::Object* present = json::object(object.find("/status"));
    if (present && json::same(*present, status)) return {};
    const auto written = store.update(with_status(object, std::move(status)), Part::status);
    if (!written) return std::unexpected(Error(written.error()).within("write the status"));
    return {};
}

}  // namespace serin::control
