//! Step-up authentication at the gateway.
