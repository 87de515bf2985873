#include "server/table.h"

#include "server/columns.h"

#include <fmt/format.h>

namespace serin::server {

json::Object partial_metadata(const Object& object) {
    const json::Value* metadata = object.find("/metadata");
    return {
        {"kind", "PartialObjectMetadata"},
        {"apiVersion", "meta.k8s.io/v1"},
        {"metadata", metadata == nullptr ? json::Value(json::Object{}) : *metadata}};
}

json::Object make_table(
    const ResourceType& type,
    const std::vector<Object>& objects,
    Instant now,
    Included included,
    std::string_view table_version) {
    const std::vector<Column>& columns = columns_of(type);
    json::Array definitions;
    for (const Column& column : columns) {
        definitions.push_back(json::Object{
            {"name", column.name},
            {"type", column.type},
            {"format", column.name == "Name" ? "name" : ""},
            {"description", ""},
            {"priority", column.priority}});
    }
    json::Array rows;
    for (const Object& object : objects) {
        json::Array cells;
        for (const Column& column : columns) cells.push_back(column.cell(object, now));
        json::Object row{{"cells", std::move(cells)}};
        if (included == Included::metadata) row["object"] = partial_metadata(object);
        if (included == Included::object) row["object"] = object.document();
        rows.push_back(std::move(row));
    }
    return {
        {"kind", "Table"},
        {"apiVersion", fmt::format("meta.k8s.io/{}", table_version)},
        {"metadata", json::Object{}},
        {"columnDefinitions", std::move(definitions)},
        {"rows", std::move(rows)}};
}

}  // namespace serin::server
