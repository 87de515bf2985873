#pragma once

#include <string>
#include <string_view>

// The syntaxes of names, labels and quantities in the API. Each returns what is wrong with the
// text, as a clause, or an empty text.

namespace serin::manifest {

std::string subdomain_problem(std::string_view text);     // "shop.example": most objects' names.
std::string label_name_problem(std::string_view text);    // "shop-1": containers, namespaces.
std::string service_name_problem(std::string_view text);  // As before, beginning with a letter.
std::string port_name_problem(std::string_view text);
std::string data_key_problem(std::string_view text);   // Of ConfigMaps and Secrets.
std::string label_key_problem(std::string_view text);  // "example.com/tier": annotations as well.
std::string label_value_problem(std::string_view text);
std::string quantity_problem(std::string_view text);
std::string base64_problem(std::string_view text);
std::string percentage_problem(std::string_view text);  // Any digits, with or without the sign.

}  // namespace serin::manifest
