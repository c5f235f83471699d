"""What tests of several rooms share: loopback servers and checks that own an API."""
